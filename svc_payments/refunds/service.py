"""What people do about refunds: asked for by payers, decided by operators, tried another way when one is closed."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import IllegalMove, NotFound, Problem
from svc_payments.access import SecondPersonNeeded
from svc_payments.audit import service as audit
from svc_payments.base import database_time
from svc_payments.payments import service as payments
from svc_payments.payments.models import Payment
from svc_payments.refunds import deciding, driving, schemas, steps
from svc_payments.refunds.events import RefundEvent, RefundProposed, RefundRejected, RefundRequested, told
from svc_payments.refunds.models import Refund, RefundReason, RefundSource, RefundStatus, RefundWay
from svc_payments.settings import Settings


class RefundAlreadyRequested(Problem):
    """The payer has asked for money of this bill already, and nobody has decided yet."""

    status, code = 409, "refund_already_requested"


class TransferInFuture(Problem):
    """Money that was sent was sent before now."""

    status, code = 422, "transfer_in_future"


async def request(
    tx: AsyncSession, caller: Caller, wanted: schemas.NewRefundRequest, expected: timedelta
) -> schemas.Refunds:
    """Keep what a payer asks for, until an operator decides. No money is set aside by it.

    Raises:
        NotFound: the payment is not the caller's, or does not pay the bill.
        PaymentNotRefundable, RefundExceedsPaid: there is nothing that could go back.
        RefundAlreadyRequested
    """
    payment = await payments.own_payment(tx, caller.id, wanted.payment_id, locked=True)
    parts = deciding.wanted_of(payment, wanted.bill_id, wanted.amount_fen)
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
    """Have money of a payment go back: at once, or above the limit when a second operator agrees.

    Raises:
        NotFound: there is no such payment, or it does not pay the bill.
        PaymentNotRefundable, RefundExceedsPaid, PostingUnderWay, RefundUnderWay: it cannot be done, or not now.
        SecondPersonNeeded: it is the caller's own payment.
    """
    posted = await deciding.lock_postings(tx, payment_id)
    payment = await _payment(tx, payment_id)
    _not_for_oneself(caller, payment)
    parts = deciding.wanted_of(payment, wanted.bill_id, wanted.amount_fen)
    refunds = _new(payment, parts, wanted.reason, wanted.note, RefundStatus.PROPOSED, proposed_by=caller.id)
    await _keep(tx, refunds, payment, caller, RefundProposed, "propose_refund")
    if not await deciding.needs_second_person(tx, payment, refunds, settings.refund_second_person_fen):
        for refund in refunds:
            await deciding.let_go(tx, refund, payment, posted.get(refund.bill_id))
    return schemas.StaffRefunds(items=[_to_staff(refund, payment, settings) for refund in refunds])


async def approve(tx: AsyncSession, caller: Caller, refund_id: UUID, settings: Settings) -> schemas.StaffRefund:
    """Agree to a refund: to the payer's request, to another operator's proposal, or although the provider keeps it.

    A request above the limit becomes the caller's proposal, for a second operator.

    Raises:
        NotFound
        SecondPersonNeeded: the caller proposed it, asked for it, or is its payer.
        IllegalMove: it is decided already.
        RefundExceedsPaid, PostingUnderWay, RefundUnderWay: it cannot be done, or not now.
    """
    posted = await deciding.lock_postings(tx, (await _there(tx, refund_id)).payment_id)
    refund, payment = await _lock(tx, refund_id)
    _not_for_oneself(caller, payment)
    posting = posted.get(refund.bill_id)
    await _record(tx, caller, "approve_refund", refund, None)
    match refund.status:
        case RefundStatus.REQUESTED:
            refund.proposed_by = caller.id
            limit_fen = settings.refund_second_person_fen
            if await deciding.needs_second_person(tx, payment, [refund], limit_fen):
                refund.move_to(RefundStatus.PROPOSED)
                await emit(tx, told(RefundProposed, refund, payment))
            else:
                await deciding.let_go(tx, refund, payment, posting)
        case RefundStatus.PROPOSED:
            _second_of_two(caller, refund)
            await deciding.let_go(tx, refund, payment, posting)
        case RefundStatus.BOOKING_KEPT:
            _second_of_two(caller, refund)
            await deciding.let_go_although_booked(tx, refund, payment)
        case _:
            raise IllegalMove(current=refund.status, wanted=RefundStatus.STARTED)
    await tx.flush()
    return _to_staff(refund, payment, settings)


async def reject(
    tx: AsyncSession, caller: Caller, refund_id: UUID, reason: str, settings: Settings
) -> schemas.StaffRefund:
    """Decide that no money goes back, or take one's own proposal back; the payer is told why.

    Raises:
        NotFound
        IllegalMove: it is decided already.
    """
    refund, payment = await _lock(tx, refund_id)
    refund.move_to(RefundStatus.REJECTED)
    refund.rejection = reason
    await _record(tx, caller, "reject_refund", refund, None)
    await emit(tx, told(RefundRejected, refund, payment))
    return _to_staff(refund, payment, settings)


async def retry(
    tx: AsyncSession, caller: Caller, refund_id: UUID, new: schemas.NewWay, settings: Settings
) -> schemas.StaffRefund:
    """Try a refund that failed once more, under a number of its own: the way the money came, or by bank transfer.

    Raises:
        NotFound
        IllegalMove: it has not failed, or was tried again already.
    """
    failed, payment = await _lock(tx, refund_id)
    _not_for_oneself(caller, payment)
    failed.move_to(RefundStatus.RETRIED)
    await tx.flush()
    again = _again(failed, payment, new.way, caller)
    tx.add(again)
    await tx.flush()
    await _record(tx, caller, "retry_refund", again, new.reason, retry_of=str(failed.id), way=again.way)
    # What the failed one had set aside stays so, for this one.
    await steps.start(tx, again, payment)
    await tx.refresh(again)
    return _to_staff(again, payment, settings)


async def transferred(
    tx: AsyncSession, caller: Caller, refund_id: UUID, transfer: schemas.BankTransfer, settings: Settings
) -> schemas.StaffRefund:
    """The bank has sent the money of a refund: said by another person than the one who chose this way.

    Raises:
        NotFound
        SecondPersonNeeded: the caller chose the bank transfer.
        TransferInFuture: it says that it was sent in the future.
        IllegalMove: it does not wait for a bank transfer.
    """
    refund, payment = await _lock(tx, refund_id)
    if refund.status != RefundStatus.BY_TRANSFER:
        raise IllegalMove(current=refund.status, wanted=RefundStatus.REFUNDED)
    if transfer.transferred_at > await database_time(tx):
        raise TransferInFuture
    _not_for_oneself(caller, payment)
    _second_of_two(caller, refund)
    await _record(tx, caller, "confirm_refund_transfer", refund, None, reference=transfer.reference)
    await steps.refunded(tx, refund, payment, transfer.reference, transfer.transferred_at)
    return _to_staff(refund, payment, settings)


async def cannot_be_paid(
    tx: AsyncSession, caller: Caller, refund_id: UUID, reason: str, settings: Settings
) -> schemas.StaffRefund:
    """A refund that waits at a counter or for a bank transfer cannot be paid so: it failed, and goes another way.

    Raises:
        NotFound
        IllegalMove: people do not pay it.
    """
    refund, payment = await _lock(tx, refund_id)
    if refund.status not in {RefundStatus.AT_COUNTER, RefundStatus.BY_TRANSFER}:
        raise IllegalMove(current=refund.status, wanted=RefundStatus.FAILED)
    await _record(tx, caller, "fail_refund", refund, reason)
    await steps.failed(tx, refund, payment, "cannot_be_paid")
    return _to_staff(refund, payment, settings)


async def lock_at_counter(tx: AsyncSession, number: str) -> tuple[Refund, Payment]:
    """The refund of this number, locked with its payment, which waits for its payer at a counter.

    Raises:
        NotFound: there is none.
        IllegalMove: it does not wait at a counter, or not any more.
    """
    refund_id = await tx.scalar(select(Refund.id).where(Refund.number == number))
    if refund_id is None:
        raise NotFound
    refund, payment = await _lock(tx, refund_id)
    if refund.status != RefundStatus.AT_COUNTER:
        raise IllegalMove(current=refund.status, wanted=RefundStatus.REFUNDED)
    return refund, payment


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
            way=steps.way_back(payment),
            # Settled when it is decided, by what the provider has booked then.
            source=RefundSource.PROVIDER,
            status=status,
            asked=0,
            **by,
        )
        for refund_id, (bill_id, amount_fen) in zip(ids, parts, strict=True)
    ]


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
        way=way if way == RefundWay.BANK_TRANSFER else steps.way_back(payment),
        source=failed.source,
        status=RefundStatus.PROPOSED,
        asked=0,
        requested_by=failed.requested_by,
        proposed_by=caller.id,
        retry_of=failed.id,
    )


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
        await _record(tx, caller, action, refund, None)
        await emit(tx, told(event, refund, payment))


async def _there(tx: AsyncSession, refund_id: UUID) -> Refund:
    refund = await tx.get(Refund, refund_id)
    if refund is None:
        raise NotFound
    return refund


async def _lock(tx: AsyncSession, refund_id: UUID) -> tuple[Refund, Payment]:
    await _there(tx, refund_id)
    return await driving.lock(tx, refund_id)


async def _payment(tx: AsyncSession, payment_id: UUID) -> Payment:
    if not await tx.scalar(select(Payment.id).where(Payment.id == payment_id)):
        raise NotFound
    return await payments.lock(tx, payment_id)


def _not_for_oneself(caller: Caller, payment: Payment) -> None:
    if caller.id == payment.person_id:
        raise SecondPersonNeeded


def _second_of_two(caller: Caller, refund: Refund) -> None:
    if caller.id == refund.proposed_by:
        raise SecondPersonNeeded
    refund.approved_by = caller.id


async def _record(
    tx: AsyncSession, caller: Caller, action: str, refund: Refund, reason: str | None, **more: str
) -> None:
    payment_id, amount_fen = str(refund.payment_id), refund.amount_fen
    await audit.record(
        tx, caller, action, refund.id, reason=reason, payment_id=payment_id, amount_fen=amount_fen, **more
    )


def _to_staff(refund: Refund, payment: Payment, settings: Settings) -> schemas.StaffRefund:
    return schemas.shown_to_staff(refund, payment, settings.refund_expected)
