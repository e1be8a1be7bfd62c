"""Figures as they are published."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.csv_text import csv_text
from svc_services.cases.workflows.models import ApplicationKind
from svc_services.providers.applications.models import Provider
from svc_services.reference.models import Division
from svc_services.supervision.league import schemas
from svc_services.supervision.league.queries import FEWEST, Group, complaints_of, lines_of

_KINDS = {
    ApplicationKind.NEW_CONNECTION: "报装",
    ApplicationKind.TRANSFER: "过户",
    ApplicationKind.CHANGE: "变更",
    ApplicationKind.SUSPENSION: "报停",
    ApplicationKind.RESUMPTION: "恢复",
    ApplicationKind.CLOSURE: "销户",
    ApplicationKind.FAULT_REPORT: "报修",
    ApplicationKind.HEATING_STOP: "报停供暖",
    ApplicationKind.HEATING_START: "恢复供暖",
    ApplicationKind.TEMPERATURE_VISIT: "测温",
    ApplicationKind.HEATING_REBATE: "供暖退费",
}
_HEADINGS = (
    "编号",
    "名称",
    "办结件数",
    "按时办结率(%)",
    "中位用时(工作日)",
    "九成件用时(工作日)",
    "评价数",
    "平均评分",
    "受理投诉数",
)
BOM = "\ufeff"
"""Without it Excel reads UTF-8 as the code page of the machine."""


async def league_of(tx: AsyncSession, month: date, by: Group) -> schemas.League:
    lines = await lines_of(tx, month, by)
    names = await _names(tx, by, [line.key for line in lines])
    items = [
        schemas.LeagueLine(
            key=line.key,
            name=names.get(line.key, line.key),
            cases=line.cases,
            on_time_share=round(line.on_time / line.cases, 4),
            median_days=line.median_days,
            p90_days=line.p90_days,
            ratings=line.ratings,
            average_grade=None if line.average_grade is None else round(line.average_grade, 2),
            complaints=line.complaints,
        )
        for line in lines
    ]
    return schemas.League(month=f"{month:%Y-%m}", by=by, fewest_cases=FEWEST, items=items)


async def complaint_figures_of(tx: AsyncSession, month: date, by: Group) -> schemas.ComplaintFigures:
    counts = await complaints_of(tx, month, by)
    names = await _names(tx, by, list(counts))
    items = [
        schemas.ComplaintFigure(key=key, name=names.get(key, key), complaints=counts[key]) for key in sorted(counts)
    ]
    return schemas.ComplaintFigures(month=f"{month:%Y-%m}", by=by, fewest_complaints=FEWEST, items=items)


def table_of(league: schemas.League) -> bytes:
    """The figures as CSV that Excel opens: names cannot run as formulas there."""
    rows = [
        (
            *(each.key, each.name, each.cases, _decimal(each.on_time_share * 100), each.median_days, each.p90_days),
            *(each.ratings, _decimal(each.average_grade), each.complaints),
        )
        for each in league.items
    ]
    return (BOM + csv_text([_HEADINGS, *rows])).encode()


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(round(value, 2)))


async def _names(tx: AsyncSession, by: Group, keys: Sequence[str]) -> Mapping[str, str]:
    if by == Group.KIND:
        return {str(kind): name for kind, name in _KINDS.items()}
    if by == Group.DIVISION:
        query = select(Division.code, Division.name_zh).where(Division.code.in_(keys))
    else:
        query = select(cast(Provider.id, Text), Provider.name).where(cast(Provider.id, Text).in_(keys))
    return {row[0]: row[1] for row in await tx.execute(query)}
