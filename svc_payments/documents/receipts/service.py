from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA
from chassis.problems import Problem
from kit.papers import codes
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.payments.models import Payment, PaymentLine, PaymentStatus
from svc_payments.collection.payments.presenters import prepaid_of
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.receipts.models import Receipt
from svc_payments.collection.refunds.models import Refund, RefundStatus
from svc_payments.documents.receipts import schemas
from svc_payments.documents.receipts.models import ReceiptCode
from svc_payments.parties.providers.models import Provider


class ReceiptNotIssued(Problem):
    """There is no money yet that could be receipted."""

    status, code = 409, "receipt_not_issued"


class ReceiptNotFound(Problem):
    """No receipt has this verification code, for whatever reason: a guess learns nothing from the answer."""

    status, code = 404, "receipt_not_found"


async def receipt_of(tx: AsyncSession, payment: Payment) -> schemas.Receipt:
    """What the payer is shown.

    Raises:
        ReceiptNotIssued: the money has not come, or no bill could take it.
    """
    receipt, attempt = await tx.get(Receipt, payment.id), payment.attempt
    if receipt is None or attempt is None or attempt.transaction_id is None or attempt.paid_at is None:
        raise ReceiptNotIssued(payment_status=payment.status)
    provider = await tx.get(Provider, payment.provider_id)
    return schemas.Receipt(
        receipt_number=receipt.number,
        payment_id=payment.id,
        status=payment.status,
        standing=standing_of(payment),
        amount_fen=payment.amount_fen,
        refunded_fen=payment.refunded_fen,
        refunds=await _refunds_of(tx, payment.id),
        channel=payment.channel,
        transaction_id=attempt.transaction_id,
        provider_id=payment.provider_id,
        provider_name=provider.name if provider else None,
        provider_kind=provider.kind if provider else None,
        bills=await _receipted_bills(tx, payment.id),
        paid_at=attempt.paid_at,
        issued_at=receipt.issued_at,
        completed_at=payment.completed_at,
    )


def standing_of(payment: Payment) -> str:
    """The state of the money in one word, for a reader of the receipt."""
    match payment.status:
        case PaymentStatus.REFUNDED:
            return "refunded"
        case PaymentStatus.REVERSING:
            return "reversing"
        case PaymentStatus.COMPLETED:
            return "partly_refunded" if payment.refunded_fen else "booked"
        case _:
            return "being_posted"


async def code_of(tx: AsyncSession, payment_id: UUID) -> str:
    """The verification code of an issued receipt, drawn at the first request and constant from then on."""
    drawn = codes.new_code()
    row = {"payment_id": payment_id, "code": drawn, "code_hash": codes.hash_of(drawn)}
    await tx.execute(insert(ReceiptCode).values(row).on_conflict_do_nothing(index_elements=[ReceiptCode.payment_id]))
    return (await tx.scalars(select(ReceiptCode.code).where(ReceiptCode.payment_id == payment_id))).one()


async def is_code_of(tx: AsyncSession, payment_id: UUID, typed: str) -> bool:
    """Whether somebody holds the receipt of this payment, as far as a typed code shows."""
    code = codes.read(typed)
    return (
        code is not None
        and await tx.scalar(select(ReceiptCode.payment_id).where(ReceiptCode.code_hash == codes.hash_of(code)))
        == payment_id
    )


async def verify(tx: AsyncSession, typed: str) -> schemas.ReceiptVerification:
    """What anyone who holds a receipt may know of it.

    Raises:
        ReceiptNotFound: no receipt has this code.
    """
    code = codes.read(typed)
    found = code and await tx.scalar(select(ReceiptCode).where(ReceiptCode.code_hash == codes.hash_of(code)))
    if not found:
        raise ReceiptNotFound
    payment = (await tx.scalars(select(Payment).where(Payment.id == found.payment_id))).one()
    receipt = await receipt_of(tx, payment)
    return schemas.ReceiptVerification(
        receipt_number=receipt.receipt_number,
        amount_fen=receipt.amount_fen,
        refunded_fen=receipt.refunded_fen,
        provider_name=receipt.provider_name,
        provider_kind=receipt.provider_kind,
        paid_on=receipt.paid_at.astimezone(CHINA).date(),
        standing=receipt.standing,
    )


async def _refunds_of(tx: AsyncSession, payment_id: UUID) -> list[schemas.ReceiptedRefund]:
    # What the channel took a second time was never on this receipt.
    gone_back = select(Refund.number, Refund.amount_fen, Refund.refunded_at).where(
        Refund.payment_id == payment_id,
        Refund.status == RefundStatus.REFUNDED,
        Refund.second_transaction_id.is_(None),
    )
    rows = await tx.execute(gone_back.order_by(Refund.refunded_at, Refund.number))
    return [schemas.ReceiptedRefund(**row._mapping) for row in rows]  # noqa: SLF001 - the documented way to names


async def _receipted_bills(tx: AsyncSession, payment_id: UUID) -> list[schemas.ReceiptedBill]:
    rows = await tx.execute(
        select(Bill, PaymentLine, Posting)
        .join(PaymentLine, PaymentLine.bill_id == Bill.id)
        .join(Posting, (Posting.bill_id == Bill.id) & (Posting.payment_id == PaymentLine.payment_id))
        .where(PaymentLine.payment_id == payment_id)
        .order_by(Bill.id)
    )
    return [
        schemas.ReceiptedBill(
            bill_id=bill.id,
            bill_number=bill.bill_number,
            account_number=bill.account_number,
            kind=bill.kind,
            period=f"{bill.period:%Y-%m}",
            amount_fen=line.amount_fen,
            late_fee_fen=line.late_fee_fen,
            posting_status=posting.status,
            provider_reference=posting.provider_reference,
            prepaid=prepaid_of(posting),
        )
        for bill, line, posting in rows
    ]
