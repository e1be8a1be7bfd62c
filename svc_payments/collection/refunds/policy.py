"""How much of a captured payment may be refunded, who decides, and how it is booked."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.invariants import InvariantBrokenError
from svc_payments.amounts import money
from svc_payments.billing.application_fees.standing import any_of
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.payments.payment_state import advance
from svc_payments.collection.postings import service as postings
from svc_payments.collection.postings.models import UNSETTLED, Posting, PostingStatus
from svc_payments.collection.refunds import daily_limits, transitions
from svc_payments.collection.refunds.events import RefundUnbooking, event_of
from svc_payments.collection.refunds.models import BY_ITSELF, Refund, RefundSource, RefundStatus
from svc_payments.settings import Settings

_NO_MONEY = {
    *(RefundStatus.REQUESTED, RefundStatus.PROPOSED),
    *(RefundStatus.REJECTED, RefundStatus.SUPERSEDED, RefundStatus.RETRIED),
}


class PaymentNotRefundable(Problem):
    """Its money is not here, or is being refunded automatically."""

    status, code = 409, "payment_not_refundable"


class PostingUnderWay(Problem):
    """A posting or its cancellation is under way: the provider's answer decides what can be refunded."""

    status, code = 409, "posting_under_way"


class RefundUnderWay(Problem):
    """Another refund of the same bill is unfinished, and this one would take all that is left."""

    status, code = 409, "refund_under_way"


async def lock_postings(tx: AsyncSession, payment_id: UUID) -> Mapping[UUID | None, Posting]:
    """The postings of a payment by their bills, locked as everywhere before its refunds and itself."""
    query = select(Posting).where(Posting.payment_id == payment_id).order_by(Posting.id).with_for_update()
    found = (await tx.scalars(query.execution_options(populate_existing=True))).all()
    return {posting.bill_id: posting for posting in found}


def requested_parts(payment: Payment, bill_id: UUID | None, amount_fen: int | None) -> Sequence[tuple[UUID, int]]:
    """The amounts to refund by bill: of one bill, or all that is left of every bill.

    Raises:
        PaymentNotRefundable: its money is not here, or is being refunded automatically.
        NotFound: it does not pay this bill.
        RefundExceedsPaid: so much is not left, or nothing at all.
    """
    if payment.captured_at is None or payment.held:
        raise PaymentNotRefundable(payment_status=payment.status)
    if bill_id is not None and bill_id not in payment.bill_ids:
        raise NotFound
    bill_ids = payment.bill_ids if bill_id is None else [bill_id]
    left = {each: transitions.left_fen(payment, each) for each in bill_ids}
    total = sum(left.values())
    if not total or (amount_fen or 0) > total:
        raise transitions.RefundExceedsPaid(**money(left=total))
    if amount_fen is not None:
        return [(bill_ids[0], amount_fen)]
    return [(each, fen) for each, fen in left.items() if fen]


async def one_person_decides(
    tx: AsyncSession, caller: Caller, payment: Payment, refunds: Collection[Refund], settings: Settings
) -> bool:
    """Whether an operator may decide on these refunds alone; they are then counted as decided alone.

    Never on the fee of an application: the case that it was paid for has gone on with it.
    """
    if await any_of(tx, [refund.bill_id for refund in refunds]):
        return False
    if await _exceeds_limit(tx, payment, refunds, settings.refund_second_person_fen):
        return False
    return await daily_limits.count_alone(tx, caller, refunds, settings)


async def _exceeds_limit(tx: AsyncSession, payment: Payment, refunds: Collection[Refund], limit_fen: int) -> bool:
    """Whether these refunds, with earlier ones that staff decided for the payment, exceed one operator's limit."""
    before = select(func.coalesce(func.sum(Refund.amount_fen), 0)).where(
        Refund.payment_id == payment.id,
        Refund.status.not_in(_NO_MONEY),
        Refund.reason.not_in(BY_ITSELF),
        Refund.id.not_in([refund.id for refund in refunds]),
    )
    decided_fen = int(await tx.scalar(before) or 0)
    return decided_fen + sum(refund.amount_fen for refund in refunds) > limit_fen


def require_left(refund: Refund, payment: Payment) -> None:
    """Refuse to decide on a refund whose money has gone back otherwise, or is about to.

    Raises:
        RefundExceedsPaid
    """
    left_fen = transitions.left_fen(payment, refund.bill_id)
    if refund.amount_fen > left_fen:
        raise transitions.RefundExceedsPaid(**money(left=left_fen))


async def begin_refund(tx: AsyncSession, refund: Refund, payment: Payment, posting: Posting | None) -> None:
    """Set the money of a decided refund aside and start it, or wait for the provider to reverse its booking.

    Raises:
        RefundExceedsPaid, PostingUnderWay, RefundUnderWay: it cannot be done now.
    """
    refund.source = _source_of(refund, payment, posting)
    transitions.set_aside(refund, payment)
    if refund.source == RefundSource.PROVIDER:
        await transitions.start(tx, refund, payment)
        return
    if posting is None:
        raise InvariantBrokenError("a refund reverses a posting that does not exist")
    refund.move_to(RefundStatus.UNBOOKING)
    await postings.begin_cancellation(tx, posting)
    await advance(tx, payment)
    await emit(tx, event_of(RefundUnbooking, refund, payment))


async def begin_refund_despite_booking(tx: AsyncSession, refund: Refund, payment: Payment) -> None:
    """Refund although the provider keeps its booking: the provider bears the refund.

    Raises:
        RefundExceedsPaid: less than that is left.
    """
    refund.source = RefundSource.PROVIDER
    transitions.set_aside(refund, payment)
    await transitions.start(tx, refund, payment)


def _source_of(refund: Refund, payment: Payment, posting: Posting | None) -> RefundSource:
    """A full refund of a bill reverses its booking; a partial one is borne by the provider, and the bill stays paid.

    Raises:
        RefundExceedsPaid, PostingUnderWay, RefundUnderWay
    """
    if refund.bill_id is None:
        raise InvariantBrokenError("a decided refund names no bill")
    require_left(refund, payment)
    left_fen = transitions.left_fen(payment, refund.bill_id)
    if posting is None or posting.status in {*UNSETTLED, PostingStatus.CANCELLING}:
        raise PostingUnderWay
    if refund.amount_fen < left_fen:
        return RefundSource.PROVIDER
    if payment.line(refund.bill_id).refunding_fen:
        raise RefundUnderWay
    return RefundSource.CLEARING
