from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Uuid, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import database_time
from svc_payments.base import any_given, given, table_of
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.payments.models import Payment, PaymentLine
from svc_payments.collection.postings.models import Posting, PostingStatus
from svc_payments.collection.receipts.models import Receipt

_COLUMNS = {
    Posting.payment_id: Payment.id,
    Posting.bill_id: Bill.id,
    Posting.provider_id: Payment.provider_id,
    Posting.receipt_number: Receipt.number,
    Posting.bill_number: Bill.bill_number,
    Posting.account_number: Bill.account_number,
    Posting.amount_fen: PaymentLine.amount_fen,
    Posting.kind: Bill.kind,
    Posting.late_fee_fen: PaymentLine.late_fee_fen,
    Posting.bill_amount_fen: Bill.amount_fen,
    Posting.paid_at: Payment.captured_at,
    # Not as PostgreSQL's defaults, because the model makes them, one for each row.
    Posting.id: func.uuidv7(),
    Posting.status: literal(PostingStatus.PENDING),
    Posting.tries: literal(0),
}
_ROWS = (
    select(*_COLUMNS.values())
    .select_from(Payment)
    .join(PaymentLine, PaymentLine.payment_id == Payment.id)
    .join(Bill, Bill.id == PaymentLine.bill_id)
    .join(Receipt, Receipt.payment_id == Payment.id)
    .where(Payment.id == any_given("payment_id", Uuid()))
    .order_by(Payment.id, Bill.id)
)
_ENQUEUE = insert(table_of(Posting)).from_select([column.key for column in _COLUMNS], _ROWS)


async def enqueue(tx: AsyncSession, payment_ids: Collection[UUID]) -> None:
    """Enqueue postings of payments captured and receipted in this transaction, one for each bill.

    The caller has moved the money in the ledger before, so it holds the lock of the chain there: positions are given
    in the order in which payments commit, and an account's postings go out in that order.
    """
    await tx.execute(_ENQUEUE, given(payment_id=payment_ids))


async def begin_cancellation(tx: AsyncSession, posting: Posting) -> None:
    """Send the cancellation of a locked posting until its provider answers."""
    posting.move_to(PostingStatus.CANCELLING)
    posting.try_at = await database_time(tx)
