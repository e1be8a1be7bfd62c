"""Says what is due of the bills of arrears notices, whenever it has changed.

The bills are read again every few seconds: a notice runs for weeks, and no payment is made to wait for it.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.outbox import emit
from kit.leases import claimable
from svc_payments.collection.arrears.events import ArrearsChanged
from svc_payments.collection.arrears.models import Arrears

_AT_ONCE = 200
# A bill that was moved to another account is none of the notice's.
_STANDINGS = """
SELECT followed.notice_id,
    coalesce(sum(bill.amount_fen + bill.late_fee_fen - bill.paid_fen)
        FILTER (WHERE bill.status IN ('due', 'paying')), 0)::bigint AS outstanding_fen,
    coalesce(bool_or(bill.status = 'paying'), false) AS being_paid,
    (cardinality(followed.bill_numbers) - count(bill.id))::integer AS unknown_bills,
    max(greatest(bill.due_date, (bill.created_at AT TIME ZONE 'Asia/Shanghai')::date))
        FILTER (WHERE bill.status IN ('due', 'paying')) AS overdue_since,
    min(bill.period) FILTER (WHERE bill.status IN ('due', 'paying')) AS first_period,
    coalesce(array_agg(bill.id ORDER BY bill.id) FILTER (WHERE bill.id IS NOT NULL), '{{}}') AS bill_ids
FROM arrears AS followed
LEFT JOIN bill_numbers AS number
    ON number.provider_id = followed.provider_id AND number.bill_number = ANY (followed.bill_numbers)
LEFT JOIN bills AS bill ON bill.id = number.bill_id AND bill.account_number = followed.account_number
WHERE followed.closed_at IS NULL{chosen}
GROUP BY followed.notice_id
"""
_CHANGED = text(
    """
SELECT notice_id FROM ({standings}) AS standing JOIN arrears AS said USING (notice_id)
WHERE (standing.outstanding_fen, standing.being_paid, standing.unknown_bills, standing.overdue_since)
    IS DISTINCT FROM (said.outstanding_fen, said.being_paid, said.unknown_bills, said.overdue_since)
ORDER BY notice_id
""".format(standings=_STANDINGS.format(chosen=""))
)
_CHOSEN = text(_STANDINGS.format(chosen=" AND followed.notice_id = ANY (:notice_ids)")).bindparams(
    bindparam("notice_ids", type_=ARRAY(Uuid()))
)
_PAID_AT = text("""
SELECT max(payment.captured_at) FROM bill_numbers AS number
JOIN payment_lines AS line ON line.bill_id = number.bill_id JOIN payments AS payment ON payment.id = line.payment_id
WHERE number.provider_id = :provider_id AND number.bill_number = ANY (:bill_numbers)
""")


async def follow(database: Database) -> None:
    """Say of every notice what has changed since it was last said."""
    async with database.read() as tx:
        changed = (await tx.scalars(_CHANGED)).all()
    for start in range(0, len(changed), _AT_ONCE):
        async with database.transaction() as tx:
            await _say(tx, changed[start : start + _AT_ONCE])


async def _say(tx: AsyncSession, notice_ids: Sequence[UUID]) -> None:
    of_them = select(Arrears).where(Arrears.notice_id.in_(notice_ids), Arrears.closed_at.is_(None))
    followed = {each.notice_id: each for each in await tx.scalars(claimable(of_them, Arrears.notice_id))}
    await _publish(tx, followed)


async def answer(tx: AsyncSession, notice_id: UUID, check_id: UUID) -> None:
    """Say what is due of the bills of a notice now, changed or not: a cut-off waits for it."""
    arrears = await tx.get(Arrears, notice_id, with_for_update=True, populate_existing=True)
    if arrears is not None and arrears.closed_at is None:
        await _publish(tx, {notice_id: arrears}, check_id)


async def _publish(tx: AsyncSession, followed: Mapping[UUID, Arrears], check_id: UUID | None = None) -> None:
    # Read after the rows are locked: what is said later is at least as new.
    standings = await tx.execute(_CHOSEN, {"notice_ids": list(followed)})
    for standing in standings.mappings():
        arrears = followed[standing["notice_id"]]
        said = {name: standing[name] for name in ("outstanding_fen", "being_paid", "unknown_bills", "overdue_since")}
        if check_id is None and all(getattr(arrears, name) == value for name, value in said.items()):
            continue
        arrears.told += 1
        for name, value in said.items():
            setattr(arrears, name, value)
        bills = {"provider_id": arrears.provider_id, "bill_numbers": arrears.bill_numbers}
        changed = ArrearsChanged(
            notice_id=arrears.notice_id,
            provider_id=arrears.provider_id,
            sequence=arrears.told,
            check_id=check_id,
            paid_at=await tx.scalar(_PAID_AT, bills),
            first_period=standing["first_period"],
            bill_ids=standing["bill_ids"],
            **said,
        )
        await emit(tx, changed)
