"""Figures of an app for its team."""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import Problem
from kit.calendar import working_days_between
from kit.changed_days import working_days
from kit.csv_text import Cell, csv_text
from svc_miniapps.apps.service import get_app
from svc_miniapps.insights.figures import schemas
from svc_miniapps.insights.figures.models import AppFigure
from svc_miniapps.publishing.releases.models import Release
from svc_miniapps.publishing.reviews.models import Review

MOST_DAYS = 92
_HEADER = ("day", "version_code", "opens", "errors", "division_code", "people")


class SpanTooLong(Problem):
    status, code = 422, "figures_span_too_long"


async def list_figures(tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest) -> Page[schemas.AppFigure]:
    """The figures of an app of the caller's team, those counted last first.

    Raises:
        NotFound
    """
    app = await get_app(tx, caller, app_id)
    query = select(AppFigure).where(AppFigure.app_id == app.id)
    return await page_of(tx, query, page, AppFigure.id, schemas.AppFigure.of, newest_first=True)


async def table_of(tx: AsyncSession, caller: Caller, app_id: UUID, first: date, last: date) -> bytes:
    """The figures of some days as CSV, a line for each group of people.

    Raises:
        NotFound, SpanTooLong
    """
    app = await get_app(tx, caller, app_id)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise SpanTooLong(days=MOST_DAYS)
    rows = await tx.scalars(_between(app.id, first, last))
    lines = [line for row in rows for line in _lines(row)]
    return csv_text([_HEADER, *lines]).encode("utf-8-sig")


def _between(app_id: UUID, first: date, last: date) -> Select[AppFigure]:
    days = AppFigure.day >= first, AppFigure.day <= last
    return select(AppFigure).where(AppFigure.app_id == app_id, *days).order_by(AppFigure.day, AppFigure.version_code)


def _lines(row: AppFigure) -> Iterator[list[Cell]]:
    for group in row.people or [{"division_code": None, "people": None}]:
        yield [
            *(row.day.isoformat(), str(row.version_code), str(row.opens), str(row.errors)),
            *("" if group[name] is None else str(group[name]) for name in ("division_code", "people")),
        ]


async def review_times(tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest) -> Page[schemas.ReviewTime]:
    """How long the reviews of an app of the caller's team took, the newest first.

    Raises:
        NotFound
    """
    app = await get_app(tx, caller, app_id)
    query = select(Review).join(Release, Release.id == Review.release_id).where(Release.app_id == app.id)
    shown = partial(_review_time, is_working=await working_days(tx))
    return await page_of(tx, query, page, Review.id, shown, newest_first=True)


def _review_time(review: Review, *, is_working: Callable[[date], bool]) -> schemas.ReviewTime:
    begun, decided = review.submitted_at.astimezone(CHINA).date(), review.decided_at
    taken = decided and working_days_between(begun, decided.astimezone(CHINA).date(), counts=is_working)
    return schemas.ReviewTime(
        release_id=review.release_id,
        version_code=review.release.package.version_code,
        outcome=review.outcome,
        submitted_at=review.submitted_at,
        decided_at=decided,
        working_days=taken,
    )
