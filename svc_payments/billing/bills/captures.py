"""Captured money on bills, read and written as rows: the bills of a whole batch of payments in two statements."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, Uuid, any_, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound, checked_move
from svc_payments.base import values_table
from svc_payments.billing.bills.models import TRANSITIONS, Bill, BillStatus, Part


async def mark_paid(tx: AsyncSession, parts: Mapping[UUID, Part]) -> Collection[UUID]:
    """The money for these bills has been captured. Objects of them in the session are not told.

    Returns:
        Which of them are due again, since this was only a part of them.
    """
    # In the order of ids, as everywhere, so that two transactions with bills in common cannot deadlock.
    amounts = (Bill.amount_fen, Bill.late_fee_fen, Bill.paid_fen)
    locked = select(Bill.id, Bill.status, *amounts).where(_among(parts)).order_by(Bill.id).with_for_update(of=Bill)
    late_fees, paid, statuses = {}, {}, {}
    for bill_id, status, amount_fen, late_fee_fen, paid_fen in await tx.execute(locked):
        late_fees[bill_id] = late_fee_fen + parts[bill_id].late_fee_fen
        paid[bill_id] = paid_fen + parts[bill_id].amount_fen
        wanted = BillStatus.DUE if amount_fen + late_fees[bill_id] - paid[bill_id] else BillStatus.PAID
        statuses[bill_id] = checked_move(TRANSITIONS, BillStatus(status), wanted)
    if statuses.keys() != parts.keys():
        raise NotFound
    changes = values_table(
        {
            "id": (Uuid(), list(statuses)),
            "status": (Text(), list(statuses.values())),
            "late_fee_fen": (BigInteger(), list(late_fees.values())),
            "paid_fen": (BigInteger(), list(paid.values())),
        }
    )
    values = {name: changes.c[name] for name in ("status", "late_fee_fen", "paid_fen")}
    # The ids a second time: they choose the partitions.
    writing = update(Bill).where(Bill.id == changes.c.id, _among(parts)).values(values)
    await tx.execute(writing, execution_options={"synchronize_session": False})
    return [bill_id for bill_id, status in statuses.items() if status == BillStatus.DUE]


def _among(bill_ids: Collection[UUID]) -> ColumnElement[bool]:
    return Bill.id == any_(literal(list(bill_ids), ARRAY(Uuid)))
