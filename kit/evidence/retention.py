"""How long the rows of each table are kept: data that a job carries out, and that the evidence for auditors shows.

A row whose time is over is deleted. A sealed row is never removed (0084): its personal columns are overwritten, which
is a version like any other, and the trail still verifies.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now

ENDED = Counter("myili_retention_rows", "Rows whose time was over, by what was done with them.", ["table", "action"])
EVERY_SECONDS = 3600.0
_ROWS = 500
"""In one transaction: a delete of years must not hold its locks for minutes."""
_BATCHES = 100
"""Of one table in one run; the next run goes on."""


@dataclass(frozen=True)
class Period:
    """Rows end `days` after `since`; a row without that time is not ended."""

    days: int
    since: str
    """SQL for the time from which the days count."""
    why: str
    law: str
    """Where the period, or the need for it, is stated."""
    clears: Mapping[str, str] = field(default_factory=dict)
    """SQL for what each personal column becomes; without any, the row is deleted."""
    along: Mapping[str, str] = field(default_factory=dict)
    """What is overwritten with them by a new value each time, such as what their seal was hashed with."""
    person: str | None = None
    """The column that names whose dispute keeps the row."""


@dataclass(frozen=True)
class Job:
    """Rows are ended by work of their own room, on its schedule or with what ends them."""

    function: str
    """As `module:function`."""
    law: str


@dataclass(frozen=True)
class Kept:
    """Rows are not ended."""

    law: str
    """The duty to keep them, and what keeps them from naming anybody."""


Rule = Period | Job | Kept

CHASSIS_RULES: Mapping[str, Rule] = {
    "idempotency_keys": Job("chassis.idempotency:prune", "PIPL 19: the shortest time that the purpose needs"),
    "audit_seals": Kept("PIPL 51 and 54: the trail is proven as a whole; what could be guessed is hashed in it"),
}
"""Of the tables that every service has."""


@dataclass(frozen=True)
class Retention:
    """The rules of one service."""

    service: str
    rules: Mapping[str, Rule]
    """By table."""
    disputed: str = "false"
    """SQL that is true while a dispute of `{person}` is open: their rows are evidence, and stay."""

    def periods(self) -> Iterator[tuple[str, Period]]:
        return ((table, rule) for table, rule in self.rules.items() if isinstance(rule, Period))

    def due(self, table: str, rule: Period, before: str) -> str:
        """SQL for the rows whose time was over at `before`.

        Args:
            table: whose rows.
            rule: its rule.
            before: SQL for a time.
        """
        parts = [f"({rule.since}) < {before}"]
        if rule.clears:
            parts.append(f"({' OR '.join(f'{name} IS DISTINCT FROM {to}' for name, to in rule.clears.items())})")
        if rule.person:
            parts.append(f"NOT ({self.disputed.format(person=f'{table}.{rule.person}')})")
        return " AND ".join(parts)

    def overdue(self) -> str:
        """A query for how many rows of each table the job should have ended a day ago, and has not."""
        counts = (
            f"SELECT '{table}' AS table_name, count(*) AS rows FROM {table} "  # noqa: S608 - of our own texts
            f"WHERE {self.due(table, rule, _days_ago(rule.days + 1))}"
            for table, rule in self.periods()
        )
        return f"{' UNION ALL '.join(counts)} ORDER BY 1"


def _days_ago(days: int) -> str:
    return f"now() - interval '{days} days'"


async def carry_out(database: Database, retention: Retention) -> None:
    """End the rows whose time is over, in batches of a transaction each. A table that fails does not stop the others.

    Raises:
        ExceptionGroup: of the tables that failed.
    """
    failed = []
    for table, rule in retention.periods():
        try:
            await _end_all(database, retention, table, rule)
        except Exception as error:  # noqa: BLE001 - raised below, when the others are done
            failed.append(error)
    if failed:
        raise ExceptionGroup("retention", failed)


async def _end_all(database: Database, retention: Retention, table: str, rule: Period) -> None:
    action = "cleared" if rule.clears else "deleted"
    for _ in range(_BATCHES):
        async with database.transaction() as tx:
            ended = await _end_batch(tx, retention, table, rule)
        ENDED.labels(table, action).inc(ended)
        if ended < _ROWS:
            return


async def _end_batch(tx: AsyncSession, retention: Retention, table: str, rule: Period) -> int:
    # The inner query locks the rows; the outer one finds them again by their place. A row that was changed in between
    # is elsewhere, and waits for the next run.
    due = (
        f"ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {retention.due(table, rule, ':before')} "  # noqa: S608 - ours
        f"LIMIT {_ROWS} FOR UPDATE SKIP LOCKED))"
    )
    changes = ", ".join(f"{name} = {to}" for name, to in {**rule.clears, **rule.along}.items())
    statement = f"UPDATE {table} SET {changes} WHERE {due}" if changes else f"DELETE FROM {table} WHERE {due}"  # noqa: S608 - ours
    before = now() - timedelta(days=rule.days)
    counted = f"WITH ended AS ({statement} RETURNING 1) SELECT count(*) FROM ended"  # noqa: S608 - ours
    return int(await tx.scalar(text(counted), {"before": before}) or 0)
