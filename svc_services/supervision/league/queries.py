"""Figures of ended cases by month, from the index of ended cases alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, case, cast, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.workflows.models import Workflow
from svc_services.supervision.complaints.models import Complaint
from svc_services.supervision.ratings.models import Rating

FEWEST = 10
"""Cases or ratings of fewer people are not published: nobody shall be recognised in a figure, nor make one alone."""


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
    complaints: int | None


_COLUMNS: dict[Group, tuple[Any, Any]] = {
    Group.PROVIDER: (Application.provider_id, Rating.provider_id),
    Group.DIVISION: (Application.division_code, Rating.division_code),
    Group.KIND: (Application.kind, Rating.kind),
}


async def lines_of(tx: AsyncSession, month: date, by: Group) -> Sequence[Line]:
    """The groups in which cases of enough people were decided in a month, by key."""
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
        .where(tuple_(Application.workflow_id, Application.state).in_(await _decisions(tx)))
        .group_by(of_case)
        .having(func.count(Application.person_id.distinct()) >= FEWEST)
    )
    rated = (
        select(cast(of_rating, Text), func.count(), func.avg(Rating.grade))
        .join(Application, Application.id == Rating.application_id)
        .where(Rating.set_aside_at.is_(None), *_within(Rating.rated_at, month))
        .group_by(of_rating)
        .having(func.count(Application.person_id.distinct()) >= FEWEST)
    )
    grades = {key: (count, round(float(average), 1)) for key, count, average in await tx.execute(rated)}
    complaints = {} if by == Group.KIND else await complaints_of(tx, month, by)
    rows = [(*row, *grades.get(row[0], (None, None)), complaints.get(row[0])) for row in await tx.execute(found)]
    lines = [Line(*row) for row in rows]
    return sorted(lines, key=lambda line: line.key)


async def complaints_of(tx: AsyncSession, month: date, by: Group) -> Mapping[str, int]:
    """How many complaints that were filed in a month were accepted, for the providers or divisions with enough."""
    column = {Group.PROVIDER: Complaint.provider_id, Group.DIVISION: Complaint.division_code}[by]
    accepted = (
        select(cast(column, Text), func.count())
        .where(Complaint.accepted_at.is_not(None), *_within(Complaint.filed_at, month))
        .group_by(column)
        .having(func.count() >= FEWEST)
    )
    return {key: count for key, count in await tx.execute(accepted)}  # noqa: C416 - rows are no pairs to mypy


async def _decisions(tx: AsyncSession) -> list[tuple[UUID, str]]:
    """Where decided cases end, by workflow."""
    workflows = await tx.scalars(select(Workflow))
    return [(each.id, state) for each in workflows for state in sorted(each.rules.decisions())]


def _within(column: Any, month: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401 - a column
    following = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    return column >= _midnight(month), column < _midnight(following)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, CHINA)
