"""Refunds that did not come through: tried again, paid at a counter, or sent by the bank."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.problems import IllegalMove, NotFound, Problem
from kit.calendar import database_time
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import approvals, daily_limits, schemas, transitions
from svc_payments.collection.refunds.models import Refund, RefundStatus, RefundWay
from svc_payments.settings import Settings


class TransferInFuture(Problem):
    """Money that was sent was sent before now."""

    status, code = 422, "transfer_in_future"


async def retry(
    tx: AsyncSession, caller: Caller, refund_id: UUID, new: schemas.NewWay, settings: Settings
) -> schemas.StaffRefund:
    """Retry a failed refund under a new number: the way the money came, or by bank transfer.

    Raises:
        NotFound
        IllegalMove: it has not failed, or was tried again already.
        RefundDayLimitReached: by bank transfer, which is a decision on where the money goes.
    """
    failed, payment = await approvals.lock(tx, refund_id)
    await approvals.require_not_payer(tx, caller, payment)
    if new.way == RefundWay.BANK_TRANSFER:
        await daily_limits.count(tx, caller, [failed], settings)
    failed.move_to(RefundStatus.RETRIED)
    await tx.flush()
    again = _again(failed, payment, new.way, caller)
    tx.add(again)
    await tx.flush()
    await approvals.record(tx, caller, "retry_refund", again, new.reason, retry_of=str(failed.id), way=again.way)
    # What the failed one had set aside stays so, for this one.
    await transitions.start(tx, again, payment)
    await tx.refresh(again)
    return approvals.to_staff(again, payment, settings)


async def transferred(
    tx: AsyncSession, caller: Caller, refund_id: UUID, transfer: schemas.BankTransfer, settings: Settings
) -> schemas.StaffRefund:
    """Confirm that the bank has sent a refund; not by the person who chose the transfer.

    Raises:
        NotFound
        SecondPersonNeeded: the caller chose the bank transfer.
        TransferInFuture: it says that it was sent in the future.
        IllegalMove: it does not wait for a bank transfer.
        RefundDayLimitReached
    """
    refund, payment = await approvals.lock(tx, refund_id)
    if refund.status != RefundStatus.BY_TRANSFER:
        raise IllegalMove(current=refund.status, wanted=RefundStatus.REFUNDED)
    if transfer.transferred_at > await database_time(tx):
        raise TransferInFuture
    await approvals.require_not_payer(tx, caller, payment)
    await approvals.approve_as_second(tx, caller, refund)
    await daily_limits.count(tx, caller, [refund], settings)
    await approvals.record(tx, caller, "confirm_refund_transfer", refund, None, reference=transfer.reference)
    await transitions.refunded(tx, refund, payment, transfer.reference, transfer.transferred_at)
    return approvals.to_staff(refund, payment, settings)


async def cannot_be_paid(
    tx: AsyncSession, caller: Caller, refund_id: UUID, reason: str, settings: Settings
) -> schemas.StaffRefund:
    """Fail a refund that cannot be paid at a counter or by bank transfer, to retry it another way.

    Raises:
        NotFound
        IllegalMove: people do not pay it.
    """
    refund, payment = await approvals.lock(tx, refund_id)
    if refund.status not in {RefundStatus.AT_COUNTER, RefundStatus.BY_TRANSFER}:
        raise IllegalMove(current=refund.status, wanted=RefundStatus.FAILED)
    await approvals.record(tx, caller, "fail_refund", refund, reason)
    await transitions.failed(tx, refund, payment, "cannot_be_paid")
    return approvals.to_staff(refund, payment, settings)


async def lock_at_counter(tx: AsyncSession, number: str) -> tuple[Refund, Payment]:
    """The refund of this number, locked with its payment, which waits for its payer at a counter.

    Raises:
        NotFound: there is none.
        IllegalMove: it is not waiting at a counter or for a transfer.
    """
    refund_id = await tx.scalar(select(Refund.id).where(Refund.number == number))
    if refund_id is None:
        raise NotFound
    refund, payment = await approvals.lock(tx, refund_id)
    if refund.status != RefundStatus.AT_COUNTER:
        raise IllegalMove(current=refund.status, wanted=RefundStatus.REFUNDED)
    return refund, payment


def _again(failed: Refund, payment: Payment, way: RefundWay, caller: Caller) -> Refund:
    refund_id = new_id()
    return Refund(
        id=refund_id,
        number=refund_id.hex,
        payment_id=failed.payment_id,
        bill_id=failed.bill_id,
        second_transaction_id=failed.second_transaction_id,
        amount_fen=failed.amount_fen,
        reason=failed.reason,
        note=failed.note,
        way=way if way == RefundWay.BANK_TRANSFER else transitions.refund_way(payment),
        source=failed.source,
        status=RefundStatus.PROPOSED,
        asked=0,
        requested_by=failed.requested_by,
        proposed_by=caller.id,
        retry_of=failed.id,
    )
