"""Figures of ended cases by month, from the index of ended cases alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.workflows.models import Workflow
from svc_services.supervision.ratings.models import Rating

FEWEST = 10
"""Fewer cases or ratings are not published: nobody shall be recognised in a figure."""


class Group(StrEnum):
    PROVIDER = "provider"
    DIVISION = "division"
    KIND = "kind"


@dataclass(frozen=True)
class Line:
    key: str
    cases: int
    on_time: int
    median_days: int
    p90_days: int
    ratings: int | None
    average_grade: float | None


_COLUMNS: dict[Group, tuple[Any, Any]] = {
    Group.PROVIDER: (Application.provider_id, Rating.provider_id),
    Group.DIVISION: (Application.division_code, Rating.division_code),
    Group.KIND: (Application.kind, Rating.kind),
}


async def lines_of(tx: AsyncSession, month: date, by: Group) -> Sequence[Line]:
    """The groups with enough ended cases in a month, by key."""
    of_case, of_rating = _COLUMNS[by]
    days = Application.consumed_days
    limits = select(Workflow.id, Workflow.definition["limit_days"].as_integer().label("days")).cte("limits")
    limits = limits.prefix_with("MATERIALIZED")  # else the definition is unpacked again for every case
    found = (
        select(
            cast(of_case, Text),
            func.count(),
            func.sum(case((days <= limits.c.days + Application.extended_days, 1), else_=0)),
            func.percentile_disc(0.5).within_group(days),
            func.percentile_disc(0.9).within_group(days),
        )
        .join(limits, limits.c.id == Application.workflow_id)
        .where(Application.status == CaseStatus.ENDED, *_within(Application.ended_at, month))
        .group_by(of_case)
        .having(func.count() >= FEWEST)
    )
    rated = (
        select(cast(of_rating, Text), func.count(), func.avg(Rating.grade))
        .where(Rating.set_aside_at.is_(None), *_within(Rating.rated_at, month))
        .group_by(of_rating)
        .having(func.count() >= FEWEST)
    )
    grades = {key: (count, float(average)) for key, count, average in await tx.execute(rated)}
    lines = [Line(*row, *grades.get(row[0], (None, None))) for row in await tx.execute(found)]
    return sorted(lines, key=lambda line: line.key)


def _within(column: Any, month: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401 - a column
    following = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    return column >= _midnight(month), column < _midnight(following)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, CHINA)
