"""Leases postings for delivery: one worker at a time.

Several workers may run. One leases a posting and commits, calls the provider outside any transaction, and applies the
result in another one if the lease still holds: the number of the try is a fencing token against workers that come back
late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.telemetry import log
from kit.leases import claimable
from svc_payments.collection.payments.payment_state import begin_posting
from svc_payments.collection.postings.models import UNSETTLED, Posting, PostingStatus

_AT_ONCE = 8


@dataclass(frozen=True)
class Try:
    """One worker's turn at a posting."""

    posting: Posting
    number: int
    ask_first: bool = False
    """The provider may have it already, so it is queried before it is sent again."""

    @property
    def cancelling(self) -> bool:
        return self.posting.status == PostingStatus.CANCELLING


async def providers_due(tx: AsyncSession) -> Sequence[UUID]:
    """Those for whom a posting or a cancellation is due."""
    due = select(Posting.provider_id).where(
        Posting.status.in_((*UNSETTLED, PostingStatus.CANCELLING)), Posting.try_at <= func.now()
    )
    return (await tx.scalars(due.distinct())).all()


async def lease_postings(tx: AsyncSession, provider_id: UUID, lease: timedelta) -> Sequence[Try]:
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
    batch = claimable(due, Posting.try_at, Posting.position, limit=_AT_ONCE, of=Posting)
    tries = []
    for posting in (await tx.scalars(batch)).all():
        # One whose lease ran out while another worker was sending may have arrived.
        ask_first = posting.status != PostingStatus.PENDING
        posting.move_to(PostingStatus.SENDING)
        tries.append(Try(posting, posting.lease(lease), ask_first))
    await begin_posting(tx, {each.posting.payment_id for each in tries})
    await tx.flush()
    return tries


async def lease_cancellations(tx: AsyncSession, provider_id: UUID, lease: timedelta) -> Sequence[Try]:
    """Lease the next cancellations to be sent."""
    due = select(Posting).where(
        Posting.provider_id == provider_id, Posting.status == PostingStatus.CANCELLING, Posting.try_at <= func.now()
    )
    batch = claimable(due, Posting.try_at, limit=_AT_ONCE, of=Posting)
    tries = [Try(posting, posting.lease(lease)) for posting in (await tx.scalars(batch)).all()]
    await tx.flush()
    return tries


async def still_ours(tx: AsyncSession, each: Try, status: PostingStatus) -> Posting | None:
    """The posting of a try, locked to apply its outcome; None when another worker has taken it over.

    The posting is locked before its payment, as everywhere where both are.
    """
    query = select(Posting).where(Posting.id == each.posting.id, Posting.status == status, Posting.tries == each.number)
    posting = await tx.scalar(query.with_for_update().execution_options(populate_existing=True))
    if posting is None:
        log.warning("posting_result_too_late", posting_id=str(each.posting.id))
    return posting
