"""What alerts are made of: measured by the worker, read by Prometheus, explained in docs/operations.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from svc_payments.operations.dashboard.gauges import PAYMENTS_OVERDUE, QUICK, SLOW, Measured
from svc_payments.operations.dashboard.overdue import WATCHED
from svc_payments.operations.dashboard.queries import overdue_by_status
from svc_payments.reconciliation.statements.layouts import OF_CHANNELS
from svc_payments.settings import Settings


async def measure(database: Database) -> None:
    """Update the gauges."""
    async with database.read() as tx:
        overdue = await overdue_by_status(tx)
        for status in WATCHED:
            PAYMENTS_OVERDUE.labels(status).set(overdue.get(status, 0))
        await _measure(tx, QUICK, {})


async def measure_books(database: Database, settings: Settings) -> None:
    """Bring the gauges of days and books up to date, which move slowly and cost more."""
    values = {"from_hour": settings.statements_from_hour, "reconcilable": list(OF_CHANNELS)}
    async with database.read() as tx:
        await _measure(tx, SLOW, values)


async def _measure(tx: AsyncSession, measures: Sequence[Measured], values: Mapping[str, Any]) -> None:
    for each in measures:
        named = {name: value for name, value in values.items() if f":{name}" in each.query}
        rows = (await tx.execute(text(each.query), named)).all()
        if [len(row) for row in rows] == [1]:
            each.gauge.set(float(rows[0][0]))
            continue
        # Nothing else runs between here and the end, so no reader sees a half-filled gauge. Gone labels disappear.
        each.gauge.clear()
        for label in each.labels:
            each.gauge.labels(label).set(0)
        for label, figure in rows:
            each.gauge.labels(label).set(float(figure))
