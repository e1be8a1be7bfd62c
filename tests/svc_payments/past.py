"""Past payments, written to the database in their final state."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.db import CHINA, Database, new_id
from svc_payments.billing.bills.models import Bill, BillStatus
from svc_payments.collection.payments.models import Attempt, Payment, PaymentLine, PaymentStatus
from svc_payments.collection.receipts.models import Receipt
from svc_payments.parties.providers.models import Provider

ACCOUNT = "6540000013"
PAID = {PaymentStatus.CAPTURED, PaymentStatus.POSTING, PaymentStatus.COMPLETED, PaymentStatus.REVERSING}


def china(year: int, month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=CHINA)


def id_at(moment: datetime) -> UUID:
    """A UUIDv7 of this moment."""
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | (new_id().int & (2**80 - 1)))


def a_bill(provider_id: UUID, amount_fen: int = 4140, **fields: Any) -> Bill:  # noqa: ANN401 - columns
    usual: dict[str, Any] = {
        "id": new_id(),
        "bill_number": new_id().hex.upper(),
        "account_number": ACCOUNT,
        "period": date(2026, 9, 1),
        "usage": 12,
        "due_date": date(2026, 10, 20),
        "bill_file_id": new_id(),
    }
    return Bill(**{**usual, "provider_id": provider_id, "amount_fen": amount_fen} | fields)


def a_payment(
    person_id: UUID,
    bills: Sequence[Bill],
    at: datetime,
    *,
    status: PaymentStatus = PaymentStatus.COMPLETED,
    refunded_fen: int = 0,
) -> list[object]:
    """The rows of a payment of whole bills."""
    paid = status in PAID | {PaymentStatus.REFUNDED}
    payment = Payment(
        id=id_at(at),
        person_id=person_id,
        provider_id=bills[0].provider_id,
        channel="sandbox",
        amount_fen=sum(bill.amount_fen for bill in bills),
        status=status,
        refunded_fen=refunded_fen,
        created_at=at,
        expires_at=at,
        captured_at=at if paid else None,
        completed_at=at if status == PaymentStatus.COMPLETED else None,
        lines=[PaymentLine(bill_id=bill.id, amount_fen=bill.amount_fen, released_at=None) for bill in bills],
        attempt=Attempt(
            channel="sandbox",
            order_number=new_id().hex,
            transaction_id=new_id().hex if paid else None,
            paid_at=at if paid else None,
        ),
    )
    receipt = Receipt(payment_id=payment.id, number=new_id().hex, issued_at=at)
    return [payment, receipt] if paid else [payment]


async def save(database: Database, *records: object) -> None:
    """Write the bills first: lines of payments refer to them."""
    async with database.transaction() as tx:
        tx.add_all([record for record in records if isinstance(record, Bill | Provider)])
        await tx.flush()
        tx.add_all([record for record in records if isinstance(record, Payment)])
        await tx.flush()
        tx.add_all(records)


async def add_payment(
    database: Database,
    person_id: UUID,
    provider_id: UUID,
    at: datetime,
    amount_fen: int = 4140,
    *,
    status: PaymentStatus = PaymentStatus.COMPLETED,
    refunded_fen: int = 0,
    **bill: Any,  # noqa: ANN401 - columns
) -> UUID:
    """Write a payment of one bill; returns its id."""
    state = BillStatus.POSTED if status == PaymentStatus.COMPLETED else BillStatus.DUE
    one = a_bill(provider_id, amount_fen, **{"status": state} | bill)
    records = a_payment(person_id, [one], at, status=status, refunded_fen=refunded_fen)
    await save(database, one, *records)
    payment = records[0]
    assert isinstance(payment, Payment)
    return payment.id
