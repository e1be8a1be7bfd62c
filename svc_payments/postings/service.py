from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.base import database_time
from svc_payments.bills.models import Bill
from svc_payments.payments.models import Payment
from svc_payments.postings.models import Posting, PostingStatus


async def enqueue(tx: AsyncSession, payment: Payment, receipt_number: str) -> None:
    """Have the provider told of a payment captured in this transaction.

    The caller has moved the money in the ledger before, so it holds the lock of the channel's account there: positions
    are given in the order in which a channel's payments commit, and an account's postings go out in that order.
    """
    parts = payment.parts
    for bill in await tx.scalars(select(Bill).where(Bill.id.in_(payment.bill_ids)).order_by(Bill.id)):
        tx.add(
            Posting(
                payment_id=payment.id,
                bill_id=bill.id,
                provider_id=payment.provider_id,
                receipt_number=receipt_number,
                bill_number=bill.bill_number,
                account_number=bill.account_number,
                amount_fen=parts[bill.id].amount_fen,
                kind=bill.kind,
                late_fee_fen=parts[bill.id].late_fee_fen,
                bill_amount_fen=bill.amount_fen,
                paid_at=payment.captured_at,
            )
        )
    await tx.flush()


async def begin_cancellation(tx: AsyncSession, posting: Posting) -> None:
    """Have the provider of a locked posting told that its money goes back, until it answers."""
    posting.move_to(PostingStatus.CANCELLING)
    posting.try_at = await database_time(tx)
