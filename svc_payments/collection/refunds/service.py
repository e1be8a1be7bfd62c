"""Refunds requested by payers or operators, and decided by operators."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import IllegalMove, Problem
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import approvals, daily_limits, policy, schemas, transitions
from svc_payments.collection.refunds.events import (
    RefundEvent,
    RefundProposed,
    RefundRejected,
    RefundRequested,
    event_of,
)
from svc_payments.collection.refunds.models import Refund, RefundReason, RefundSource, RefundStatus
from svc_payments.settings import Settings


class RefundAlreadyRequested(Problem):
    """The payer has requested a refund of this bill already, and it is not decided yet."""

    status, code = 409, "refund_already_requested"


async def request(
    tx: AsyncSession, caller: Caller, wanted: schemas.NewRefundRequest, expected: timedelta
) -> schemas.Refunds:
    """Record a payer's request until an operator decides. No money is reserved.

    Raises:
        NotFound: the payment is not the caller's, or does not pay the bill.
        PaymentNotRefundable, RefundExceedsPaid: there is nothing that could go back.
        RefundAlreadyRequested
    """
    payment = await payments.own_payment(tx, caller.id, wanted.payment_id, locked=True)
    parts = policy.requested_parts(payment, wanted.bill_id, wanted.amount_fen)
    waiting = select(Refund.id).where(
        Refund.payment_id == payment.id,
        Refund.bill_id.in_([bill_id for bill_id, _ in parts]),
        Refund.status == RefundStatus.REQUESTED,
    )
    if await tx.scalar(waiting.limit(1)):
        raise RefundAlreadyRequested
    refunds = _new(payment, parts, wanted.reason, wanted.note, RefundStatus.REQUESTED, requested_by=caller.id)
    await _keep(tx, refunds, payment, caller, RefundRequested, "request_refund")
    return schemas.Refunds(items=[schemas.shown(refund, payment, expected) for refund in refunds])


async def refund_payment(
    tx: AsyncSession, caller: Caller, payment_id: UUID, wanted: schemas.NewRefund, settings: Settings
) -> schemas.StaffRefunds:
    """Have money of a payment go back: at once, or above the limits when a second operator agrees.

    Raises:
        NotFound: there is no such payment, or it does not pay the bill.
        PaymentNotRefundable, RefundExceedsPaid, PostingUnderWay, RefundUnderWay: it cannot be done, or not now.
        SecondPersonNeeded: it is the caller's own payment.
        RefundDayLimitReached
    """
    posted = await policy.lock_postings(tx, payment_id)
    payment = await approvals.payment_of(tx, payment_id)
    await approvals.require_not_payer(tx, caller, payment)
    parts = policy.requested_parts(payment, wanted.bill_id, wanted.amount_fen)
    refunds = _new(payment, parts, wanted.reason, wanted.note, RefundStatus.PROPOSED, proposed_by=caller.id)
    await _keep(tx, refunds, payment, caller, RefundProposed, "propose_refund")
    await daily_limits.count(tx, caller, refunds, settings)
    if await policy.one_person_decides(tx, caller, payment, refunds, settings):
        for refund in refunds:
            await policy.begin_refund(tx, refund, payment, posted.get(refund.bill_id))
    return schemas.StaffRefunds(items=[approvals.to_staff(refund, payment, settings) for refund in refunds])


async def approve(tx: AsyncSession, caller: Caller, refund_id: UUID, settings: Settings) -> schemas.StaffRefund:
    """Agree to a refund: to the payer's request, to another operator's proposal, or although the provider keeps it.

    A request above the limits becomes the caller's proposal, for a second operator.

    Raises:
        NotFound
        SecondPersonNeeded: the caller proposed it, requested it, or is its payer.
        IllegalMove: it is decided already.
        RefundDayLimitReached
        RefundExceedsPaid, PostingUnderWay, RefundUnderWay: it cannot be done, or not now.
    """
    posted = await policy.lock_postings(tx, (await approvals.existing_refund(tx, refund_id)).payment_id)
    refund, payment = await approvals.lock(tx, refund_id)
    await approvals.require_not_payer(tx, caller, payment)
    posting = posted.get(refund.bill_id)
    await approvals.record(tx, caller, "approve_refund", refund, None)
    await daily_limits.count(tx, caller, [refund], settings)
    match refund.status:
        case RefundStatus.REQUESTED:
            policy.require_left(refund, payment)
            refund.proposed_by = caller.id
            if await policy.one_person_decides(tx, caller, payment, [refund], settings):
                await policy.begin_refund(tx, refund, payment, posting)
            else:
                refund.move_to(RefundStatus.PROPOSED)
                await emit(tx, event_of(RefundProposed, refund, payment))
        case RefundStatus.PROPOSED:
            await approvals.approve_as_second(tx, caller, refund)
            await policy.begin_refund(tx, refund, payment, posting)
        case RefundStatus.BOOKING_KEPT:
            await approvals.approve_as_second(tx, caller, refund)
            await policy.begin_refund_despite_booking(tx, refund, payment)
        case _:
            raise IllegalMove(current=refund.status, wanted=RefundStatus.STARTED)
    await tx.flush()
    return approvals.to_staff(refund, payment, settings)


async def reject(
    tx: AsyncSession, caller: Caller, refund_id: UUID, reason: str, settings: Settings
) -> schemas.StaffRefund:
    """Reject a refund, or withdraw one's own proposal; the payer sees the reason.

    Raises:
        NotFound
        IllegalMove: it is decided already.
    """
    refund, payment = await approvals.lock(tx, refund_id)
    refund.move_to(RefundStatus.REJECTED)
    refund.rejection = reason
    await approvals.record(tx, caller, "reject_refund", refund, None)
    await emit(tx, event_of(RefundRejected, refund, payment))
    return approvals.to_staff(refund, payment, settings)


def _new(
    payment: Payment,
    parts: Sequence[tuple[UUID, int]],
    reason: RefundReason,
    note: str,
    status: RefundStatus,
    **by: UUID,
) -> list[Refund]:
    ids = [new_id() for _ in parts]
    return [
        Refund(
            id=refund_id,
            number=refund_id.hex,
            payment_id=payment.id,
            bill_id=bill_id,
            amount_fen=amount_fen,
            reason=reason,
            note=note,
            way=transitions.refund_way(payment),
            # Set when it is decided, by what the provider has booked then.
            source=RefundSource.PROVIDER,
            status=status,
            asked=0,
            **by,
        )
        for refund_id, (bill_id, amount_fen) in zip(ids, parts, strict=True)
    ]


async def _keep(
    tx: AsyncSession,
    refunds: Sequence[Refund],
    payment: Payment,
    caller: Caller,
    event: type[RefundEvent],
    action: str,
) -> None:
    tx.add_all(refunds)
    await tx.flush()
    for refund in refunds:
        await tx.refresh(refund)
        await approvals.record(tx, caller, action, refund, None)
        await emit(tx, event_of(event, refund, payment))
