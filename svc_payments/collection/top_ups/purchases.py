"""A top-up from the choice to the payment: the provider is queried between two transactions."""

from dataclasses import dataclass
from uuid import UUID

from chassis.auth import Caller
from chassis.db import Database
from chassis.idempotency import Once
from svc_payments.collection.payments.allocation import Plan
from svc_payments.collection.payments.schemas import Payment
from svc_payments.collection.top_ups import schemas, service
from svc_payments.collection.top_ups.models import Result
from svc_payments.collection.top_ups.provider import QUESTION, validate
from svc_payments.collection.top_ups.service import Validation
from svc_payments.parties.providers.live_query import NotAnswered, NotUsable, Questions, count, count_fault


@dataclass(frozen=True)
class TopUps:
    database: Database
    questions: Questions

    async def validate(self, person_id: UUID, wanted: schemas.TopUpChoice) -> Plan:
        """Plan a purchase and have the provider validate it.

        Raises:
            Problem: the terms do not sell it, or the provider does not allow it; see `service.begin` and `settle`.
        """
        async with self.database.transaction() as tx:
            validation = await service.begin(tx, person_id, wanted)
            if isinstance(wanted, schemas.NewTopUp):
                validation.plan.check_channel(wanted.channel)
        result, most_fen = await self._ask(validation)
        async with self.database.transaction() as tx:
            refusal = await service.settle(tx, validation, result, most_fen)
        # Raised only now, so that the recorded answer is committed.
        if refusal:
            raise refusal
        return validation.plan

    async def buy(self, caller: Caller, once: Once, new: schemas.NewTopUp) -> Payment:
        """Have a top-up validated and begin its payment. Idempotent: a repeated request gets the same payment.

        Raises:
            Problem: as `validate`. Then nothing is begun, also when the provider's answer is unknown.
        """
        async with self.database.transaction() as tx:
            await once.claim(tx, caller)
        await self.validate(caller.id, new)
        async with self.database.transaction() as tx:
            work = service.create(tx, caller.id, new, self.questions.settings.order_lifetime)
            return await once.do(tx, caller, work)

    async def _ask(self, validation: Validation) -> tuple[Result, int | None]:
        try:
            answer = await validate(self.questions, validation.provider, validation.record)
        except (NotAnswered, NotUsable) as fault:
            count_fault(validation.provider, QUESTION, fault)
            return (Result.NO_ANSWER if isinstance(fault, NotAnswered) else Result.UNUSABLE), None
        count(validation.provider, QUESTION, answer.result)
        return answer.result, answer.most_fen
