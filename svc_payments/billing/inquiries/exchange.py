"""An inquiry: a turn is claimed, the provider is queried outside any transaction, the answer is kept.

A query about an account that is being queried already waits for that answer.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from chassis.db import Database
from kit.calendar import this_month
from svc_payments.billing.inquiries import schemas, service
from svc_payments.billing.inquiries.answers import take
from svc_payments.billing.inquiries.models import Result
from svc_payments.billing.inquiries.provider import QUESTION, Answered, inquire
from svc_payments.billing.inquiries.service import Turn
from svc_payments.parties.providers.live_query import NotAnswered, NotUsable, Questions, count, count_fault

_SLACK_SECONDS = 10.0
"""For applying the answer, which waits while a file of the provider is being ingested."""
_LOOK_SECONDS = 0.1
_LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class Inquiries:
    database: Database
    questions: Questions

    async def inquire(self, person_id: UUID, new: schemas.NewBillInquiry) -> schemas.BillInquiry:
        """Query the amounts due on an account from its provider.

        Raises:
            NotFound, InquiryNotOffered, ProviderClosed: as `service.begin`.
            NothingDue, NoSuchAccount, NotPayableOnline, PaymentUnfinished, ProviderTimedOut, ProviderAnswerUnusable:
                as `service.show`.
        """
        seconds = self.questions.most_seconds + _SLACK_SECONDS
        memory = timedelta(seconds=self.questions.settings.inquiry_memory_seconds)
        async with self.database.transaction() as tx:
            turn = await service.begin(tx, person_id, new, lease=timedelta(seconds=seconds), memory=memory)
        if turn.own:
            await self._ask(turn)
        else:
            await self._wait(turn, seconds)
        async with self.database.read() as tx:
            return await service.show(tx, person_id, turn.pending)

    async def _ask(self, turn: Turn) -> None:
        try:
            pending = turn.pending
            answered = await inquire(
                self.questions, turn.provider, pending.inquiry_id, pending.account_number, this_month()
            )
            await self._keep(turn, answered)
            count(turn.provider, QUESTION, answered.result)
        except (NotAnswered, NotUsable) as fault:
            count_fault(turn.provider, QUESTION, fault)
            result = Result.NO_ANSWER if isinstance(fault, NotAnswered) else Result.UNUSABLE
            async with self.database.transaction() as tx:
                await service.settle(tx, turn.pending, result)

    async def _keep(self, turn: Turn, answered: Answered) -> None:
        try:
            async with self.database.transaction() as tx:
                last = await service.settle(tx, turn.pending, answered.result)
                if last and answered.result in {Result.DUE, Result.NOTHING_DUE}:
                    await take(tx, turn.pending, answered.rows)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            raise NotAnswered("bills_locked") from None

    async def _wait(self, turn: Turn, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    async with self.database.read() as tx:
                        if await service.is_answered(tx, turn.pending):
                            return
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            return  # the process that queried has died: shown as no answer
