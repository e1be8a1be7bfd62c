"""Postings on their way: each provider is told in the order of each account, until it has booked or refused.

Several workers may run. One takes a posting up under a lease and commits that, calls the provider outside any
transaction, and writes the result down in another one, but only if the posting is still its own: the number of the try
is the fence that a sleeper who wakes up late does not get past.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.db import Database
from chassis.outside import RESOLVE_SECONDS, outside_client
from chassis.signatures import load_private_key
from chassis.telemetry import log
from svc_payments.base import database_time
from svc_payments.payments import service as payments
from svc_payments.postings.models import Posting, PostingStatus
from svc_payments.postings.provider import (
    Booked,
    HttpProviderBooks,
    NotFound,
    NotHeard,
    Outcome,
    ProviderBooks,
    Refused,
)
from svc_payments.providers.models import Provider
from svc_payments.settings import Settings

UNSETTLED = (PostingStatus.PENDING, PostingStatus.SENDING, PostingStatus.UNKNOWN)
_AT_ONCE = 8
_CALLS_IN_A_TRY = 2
_SLACK_SECONDS = 5.0


@dataclass(frozen=True)
class Try:
    """One worker's turn at a posting."""

    posting: Posting
    number: int
    ask_first: bool
    """The provider may have it already, so it is asked before it is told."""


class Delivery:
    """Tells providers what is due, each in a lane of its own, so that a slow one delays nobody else's residents."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._key: RSAPrivateKey = load_private_key(settings.provider_signing_key.get_secret_value())
        self._busy: set[UUID] = set()

    async def run(self) -> None:
        """Deliver until cancelled. What is on its way then is taken up again when its lease has run out."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                async with self._database.read() as tx:
                    waiting = await providers_with_due_postings(tx)
                for provider_id in set(waiting) - self._busy:
                    self._busy.add(provider_id)
                    lanes.create_task(self._work_off(provider_id))
                await asyncio.sleep(self._settings.poll_seconds)

    async def _work_off(self, provider_id: UUID) -> None:
        try:
            async with outside_client() as client:
                while await self.deliver_due(provider_id, client):
                    pass
        except Exception as error:  # noqa: BLE001 - one provider's trouble, whatever it is, must not end all lanes
            log.error("lane_failed", provider_id=str(provider_id), exc_info=error)
            await asyncio.sleep(self._settings.poll_seconds)
        finally:
            self._busy.discard(provider_id)

    async def deliver_due(self, provider_id: UUID, client: httpx.AsyncClient) -> int:
        """Tell one provider the next few of what is due. Returns how many postings were taken up."""
        seconds = self._settings.provider_timeout_seconds
        lease = timedelta(seconds=_CALLS_IN_A_TRY * (RESOLVE_SECONDS + seconds) + _SLACK_SECONDS)
        async with self._database.transaction() as tx:
            tries = await take_up(tx, provider_id, lease)
            provider = await tx.get(Provider, provider_id)
        if provider is None:
            for each in tries:
                await self._write_down(each, NotHeard("provider_not_known_here_yet"))
            return 0
        only_public = self._settings.provider_endpoints == "public"
        books = HttpProviderBooks(client, provider.endpoint_url, self._key, seconds, only_public)
        await asyncio.gather(*(self._deliver(books, each) for each in tries))
        return len(tries)

    async def _deliver(self, books: ProviderBooks, each: Try) -> None:
        try:
            outcome = await books.ask(each.posting) if each.ask_first else NotFound()
            if isinstance(outcome, NotFound):
                outcome = await books.tell(each.posting)
            await self._write_down(each, outcome)
        except Exception as error:  # noqa: BLE001 - its lease runs out and its turn comes again; the others go on
            log.error("delivery_failed", posting_id=str(each.posting.id), exc_info=error)

    async def _write_down(self, each: Try, outcome: Outcome) -> None:
        pauses = self._settings.posting_retry_seconds
        pause = timedelta(seconds=pauses[min(each.number, len(pauses)) - 1])
        async with self._database.transaction() as tx:
            await write_down(tx, each, outcome, pause)


async def providers_with_due_postings(tx: AsyncSession) -> Sequence[UUID]:
    due = select(Posting.provider_id).where(Posting.status.in_(UNSETTLED), Posting.try_at <= func.now())
    return (await tx.scalars(due.distinct())).all()


async def take_up(tx: AsyncSession, provider_id: UUID, lease: timedelta) -> Sequence[Try]:
    """Lease the next postings of a provider: of each account only the first that is not settled."""
    earlier = aliased(Posting)
    waits_for_another = exists().where(
        earlier.provider_id == Posting.provider_id,
        earlier.account_number == Posting.account_number,
        earlier.position < Posting.position,
        earlier.status.in_(UNSETTLED),
    )
    due = select(Posting).where(
        Posting.provider_id == provider_id,
        Posting.status.in_(UNSETTLED),
        Posting.try_at <= func.now(),
        ~waits_for_another,
    )
    batch = due.order_by(Posting.try_at, Posting.position).limit(_AT_ONCE).with_for_update(of=Posting, skip_locked=True)
    postings = (await tx.scalars(batch)).all()
    tries = []
    for posting in postings:
        # One that another worker was sending, and whose lease ran out, may have been heard just as well.
        ask_first = posting.status != PostingStatus.PENDING
        posting.move_to(PostingStatus.SENDING)
        posting.tries += 1
        posting.try_at = func.now() + lease
        tries.append(Try(posting, posting.tries, ask_first))
    await payments.begin_posting(tx, {posting.payment_id for posting in postings})
    await tx.flush()
    return tries


async def write_down(tx: AsyncSession, each: Try, outcome: Outcome, pause: timedelta) -> bool:
    """Apply what came of a try, unless the posting went on without us. Returns whether it was still ours.

    The posting is locked before its payment, as everywhere where both are.
    """
    ours = select(Posting).where(
        Posting.id == each.posting.id, Posting.status == PostingStatus.SENDING, Posting.tries == each.number
    )
    posting = await tx.scalar(ours.with_for_update().execution_options(populate_existing=True))
    if posting is None:
        log.warning("posting_result_too_late", posting_id=str(each.posting.id))
        return False
    match outcome:
        case Booked(reference=reference):
            posting.provider_reference = reference
            await _settle(tx, posting, PostingStatus.BOOKED)
        case Refused(reason=reason):
            posting.refusal = reason
            await _settle(tx, posting, PostingStatus.REFUSED)
        case _:
            # What an earlier try left unknown does not become known by this one not getting through.
            surely_not_told = isinstance(outcome, NotHeard) and not each.ask_first
            posting.move_to(PostingStatus.PENDING if surely_not_told else PostingStatus.UNKNOWN)
            posting.try_at = func.now() + pause
            log.warning("posting_not_settled", posting_id=str(posting.id), tries=each.number, outcome=str(outcome))
    return True


async def _settle(tx: AsyncSession, posting: Posting, status: PostingStatus) -> None:
    posting.move_to(status)
    payment = await payments.lock(tx, posting.payment_id)
    posting.settled_at = await database_time(tx)
    await tx.flush()
    if status == PostingStatus.REFUSED:
        await payments.bill_refused(tx, payment, posting.id)
        return
    # Counted while the payment is locked: of two postings settled at once, the second to get here sees the first.
    others = exists().where(Posting.payment_id == payment.id, Posting.status != PostingStatus.BOOKED)
    await payments.bill_booked(tx, payment, posting, last=not await tx.scalar(select(others)))
