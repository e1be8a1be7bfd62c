from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA
from chassis.problems import Problem
from svc_payments.bills.models import Bill
from svc_payments.payments.models import Payment, PaymentLine
from svc_payments.postings.models import Posting
from svc_payments.providers.models import Provider
from svc_payments.receipts import schemas
from svc_payments.receipts.models import Receipt, receipt_numbers


class ReceiptNotIssued(Problem):
    """There is no money yet that could be receipted."""

    status, code = 409, "receipt_not_issued"


async def issue(tx: AsyncSession, payment: Payment) -> Receipt:
    """A receipt for a payment captured in this transaction, numbered by the day it is in Beijing and on from there."""
    assert payment.captured_at is not None  # noqa: S101 - the caller has captured it
    day = payment.captured_at.astimezone(CHINA)
    receipt = Receipt(
        payment_id=payment.id,
        number=f"{day:%Y%m%d}{await tx.scalar(receipt_numbers):010}",
        issued_at=payment.captured_at,
    )
    tx.add(receipt)
    return receipt


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
        amount_fen=payment.amount_fen,
        channel=payment.channel,
        transaction_id=attempt.transaction_id,
        provider_id=payment.provider_id,
        provider_name=provider.name if provider else None,
        bills=await _receipted_bills(tx, payment.id),
        paid_at=attempt.paid_at,
        issued_at=receipt.issued_at,
        completed_at=payment.completed_at,
    )


async def _receipted_bills(tx: AsyncSession, payment_id: UUID) -> list[schemas.ReceiptedBill]:
    rows = await tx.execute(
        select(Bill, PaymentLine.amount_fen, Posting)
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
            period=f"{bill.period:%Y-%m}",
            amount_fen=amount_fen,
            posting_status=posting.status,
            provider_reference=posting.provider_reference,
        )
        for bill, amount_fen, posting in rows
    ]
