"""Figures: counts by a query that the pack states with them, read in one snapshot of each database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from kit.evidence.facts import Evidence, Figure
from kit.evidence.retention import Retention


@dataclass(frozen=True)
class Table:
    """One table of the pack."""

    path: str
    """Below the pack's folder, without an ending."""
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    source: str
    """The query, or the files, that the rows come from."""

    def as_json(self) -> Mapping[str, Any]:
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"about": self.about, "source": self.source, "rows": rows}


async def figures_of(tx: AsyncSession, evidence: Evidence, retention: Retention) -> tuple[list[Table], list[str]]:
    """The figures of a service, and a sentence for each that its database could not give.

    Args:
        tx: a snapshot of the service's database.
        evidence: what the service states.
        retention: how long it keeps what it has.
    """
    found, missing = [], []
    for figure in (*evidence.figures, _row_counts(evidence), *_overdue(retention), _UNDELIVERED):
        path = f"figures/{evidence.service}/{figure.name}"
        try:
            async with tx.begin_nested():
                result = await tx.execute(text(figure.query))
                rows = [[_plain(value) for value in row] for row in result]
        except DBAPIError as error:
            missing.append(f"{path}：没有取到（{reason(error)}）。")
            continue
        found.append(Table(path, figure.about, list(result.keys()), rows, figure.query))
    return found, missing


def reason(error: BaseException) -> str:
    """The name of an error: its message can hold an address, or a row."""
    original = getattr(error, "orig", None) or error
    return type(original.__cause__ or original).__name__


def _row_counts(evidence: Evidence) -> Figure:
    """How many rows each table that holds something of residents has."""
    counts = (
        f"SELECT '{table}' AS table_name, count(*) AS rows FROM {table}"  # noqa: S608 - of our own texts
        for table in sorted(evidence.tables)
    )
    return Figure("rows", "涉及个人信息的每张表现有多少行", f"{' UNION ALL '.join(counts)} ORDER BY 1")


def _overdue(retention: Retention) -> list[Figure]:
    about = "超过保存期限一天以上、仍未删除或清除的行数（争议未结的除外）；应为零"
    return [Figure("overdue", about, retention.overdue())] if any(retention.periods()) else []


_UNDELIVERED = Figure(
    "undelivered",
    "没有处理的死信：其中的注销、撤回可能还没有在本服务生效",
    "SELECT consumer, topic, count(*) AS waiting FROM dead_letters WHERE replayed_at IS NULL "
    "GROUP BY 1, 2 ORDER BY 1, 2",
)


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case list():
            return " ".join(map(str, value))
        case _:
            return value
