from collections.abc import Sequence

from sqlalchemy import Text, Uuid, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Timestamp
from kit.invariants import InvariantBrokenError
from svc_payments.base import values_table
from svc_payments.collection.payments.open_payments import OpenPayment
from svc_payments.collection.receipts.models import Receipt, receipt_numbers


async def issue(tx: AsyncSession, payments: Sequence[OpenPayment]) -> None:
    """Receipts for payments captured in this transaction, numbered by the day it is in Beijing and on from there."""
    (moment,) = {payment.captured_at for payment in payments}
    if moment is None:
        raise InvariantBrokenError("a receipt is issued for a payment that is not captured")
    day = f"{moment.astimezone(CHINA):%Y%m%d}"
    counted = await tx.scalars(select(receipt_numbers.next_value()).select_from(func.generate_series(1, len(payments))))
    numbered = values_table(
        {
            "payment_id": (Uuid(), [payment.id for payment in payments]),
            "number": (Text(), [f"{day}{count:010}" for count in counted]),
        }
    )
    rows = select(numbered, literal(moment, Timestamp))
    await tx.execute(insert(Receipt).from_select(["payment_id", "number", "issued_at"], rows))
