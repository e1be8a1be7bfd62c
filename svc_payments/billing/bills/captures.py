"""Captured money on bills, read and written as rows: the bills of a whole batch of payments in two statements."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound, checked_move
from svc_payments.base import any_given, given, given_table, table_of
from svc_payments.billing.bills.models import TRANSITIONS, Bill, BillStatus, Part

_AMONG = Bill.id == any_given("id", Uuid())
# In the order of ids, as everywhere, so that two transactions with bills in common cannot deadlock.
_LOCK = (
    select(Bill.id, Bill.status, Bill.amount_fen, Bill.late_fee_fen, Bill.paid_fen)
    .where(_AMONG)
    .order_by(Bill.id)
    .with_for_update(of=Bill)
)
_CHANGES = given_table({"id": Uuid(), "status": Text(), "late_fee_fen": BigInteger(), "paid_fen": BigInteger()})
# The ids a second time: they choose the partitions.
_WRITE = (
    update(table_of(Bill))
    .where(Bill.id == _CHANGES.c.id, _AMONG)
    .values({name: _CHANGES.c[name] for name in ("status", "late_fee_fen", "paid_fen")})
)


async def mark_paid(tx: AsyncSession, parts: Mapping[UUID, Part]) -> Collection[UUID]:
    """The money for these bills has been captured. Objects of them in the session are not told.

    Returns:
        Which of them are due again, since this was only a part of them.
    """
    late_fees, paid, statuses = {}, {}, {}
    for bill_id, status, amount_fen, late_fee_fen, paid_fen in await tx.execute(_LOCK, given(id=parts)):
        late_fees[bill_id] = late_fee_fen + parts[bill_id].late_fee_fen
        paid[bill_id] = paid_fen + parts[bill_id].amount_fen
        wanted = BillStatus.DUE if amount_fen + late_fees[bill_id] - paid[bill_id] else BillStatus.PAID
        statuses[bill_id] = checked_move(TRANSITIONS, BillStatus(status), wanted)
    if statuses.keys() != parts.keys():
        raise NotFound
    changes = given(id=statuses, status=statuses.values(), late_fee_fen=late_fees.values(), paid_fen=paid.values())
    await tx.execute(_WRITE, changes)
    return [bill_id for bill_id, status in statuses.items() if status == BillStatus.DUE]
