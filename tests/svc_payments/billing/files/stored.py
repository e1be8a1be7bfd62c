"""Bills as stored after an upload."""

from sqlalchemy import select

from chassis.db import Database
from svc_payments.billing.bills.models import Bill, BillVersion


async def bill_of(database: Database, bill_number: str = "W-1") -> Bill:
    async with database.read() as tx:
        return (await tx.scalars(select(Bill).where(Bill.bill_number == bill_number))).one()


async def bills_and_versions(database: Database) -> list[object]:
    """All rows that an upload may change, without reports and events."""
    async with database.read() as tx:
        found = [await tx.execute(select(table)) for table in (Bill.__table__, BillVersion.__table__)]
        return [sorted(map(tuple, rows.all())) for rows in found]
