from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA
from kit.invariants import InvariantBrokenError
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.receipts.models import Receipt, receipt_numbers


async def issue(tx: AsyncSession, payments: Sequence[Payment]) -> None:
    """Receipts for payments captured in this transaction, numbered by the day it is in Beijing and on from there."""
    counted = select(receipt_numbers.next_value()).select_from(func.generate_series(1, len(payments)))
    rows = [
        {"payment_id": payment.id, "number": _numbered(payment, count), "issued_at": payment.captured_at}
        for payment, count in zip(payments, await tx.scalars(counted), strict=True)
    ]
    await tx.execute(insert(Receipt), rows)


def _numbered(payment: Payment, count: int) -> str:
    if payment.captured_at is None:
        raise InvariantBrokenError("a receipt is issued for a payment that is not captured")
    return f"{payment.captured_at.astimezone(CHINA):%Y%m%d}{count:010}"
