from collections.abc import Sequence

from sqlalchemy import Integer, Text, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Timestamp
from kit.invariants import InvariantBrokenError
from svc_payments.base import given, given_table, table_of
from svc_payments.collection.payments.open_payments import OpenPayment
from svc_payments.collection.receipts.models import Receipt, receipt_numbers

_NEXT = select(receipt_numbers.next_value()).select_from(func.generate_series(1, bindparam("count", type_=Integer)))
_NUMBERED = given_table({"payment_id": Uuid(), "number": Text()})
_ISSUE = insert(table_of(Receipt)).from_select(
    ["payment_id", "number", "issued_at"], select(_NUMBERED, bindparam("moment", type_=Timestamp))
)


async def issue(tx: AsyncSession, payments: Sequence[OpenPayment]) -> None:
    """Receipts for payments captured in this transaction, numbered by the day it is in Beijing and on from there."""
    (moment,) = {payment.captured_at for payment in payments}
    if moment is None:
        raise InvariantBrokenError("a receipt is issued for a payment that is not captured")
    day = f"{moment.astimezone(CHINA):%Y%m%d}"
    counted = await tx.scalars(_NEXT, {"count": len(payments)})
    numbers = [f"{day}{count:010}" for count in counted]
    ids = [payment.id for payment in payments]
    await tx.execute(_ISSUE, {**given(payment_id=ids, number=numbers), "moment": moment})
