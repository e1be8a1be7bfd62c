"""The reviews that wait for a decision, by what is due first: late ones lead, then those that soon are."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, not_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.pagination import BadCursor, Page, PageRequest, cursor_after
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.publishing.releases.models import Release
from svc_miniapps.publishing.reviews import schemas
from svc_miniapps.publishing.reviews.clock import Flag
from svc_miniapps.publishing.reviews.models import Outcome, Review


async def list_waiting_reviews(
    tx: AsyncSession, caller: Caller, filters: schemas.QueueFilters, page: PageRequest
) -> Page[schemas.WaitingReview]:
    """The reviews that this reviewer may decide, by their due time.

    Raises:
        BadCursor
    """
    moment = now()
    rows = (await tx.scalars(waiting(caller, filters, moment, page))).all()
    shown = rows[: page.limit]
    following = cursor_after(f"{shown[-1].due_at.isoformat()} {shown[-1].id}") if len(rows) > page.limit else None
    return Page(items=[schemas.WaitingReview.of(review, moment) for review in shown], next_cursor=following)


def waiting(caller: Caller, filters: schemas.QueueFilters, moment: datetime, page: PageRequest) -> Select[Review]:
    """The rows of a page and one more, read in the order of the index `ix_reviews_waiting`."""
    query = (
        select(Review)
        .join(Release, Release.id == Review.release_id)
        .join(App, App.id == Release.app_id)
        .where(Review.outcome == Outcome.WAITING, members.reviewable(caller, App.organisation_id, App.division_code))
        .where(*_filtering(caller, filters, moment))
    )
    if page.after is not None:
        query = query.where(tuple_(Review.due_at, Review.id) > _key(page.after))
    return query.order_by(Review.due_at, Review.id).limit(page.limit + 1)


def _key(after: str) -> tuple[datetime, UUID]:
    """Two reviews may be due at one moment, so the id is a part of the key."""
    due_at, _, review_id = after.partition(" ")
    try:
        moment = datetime.fromisoformat(due_at)
        if moment.tzinfo is None:
            raise BadCursor
        return moment.astimezone(UTC), UUID(review_id)
    except (ValueError, OverflowError):
        raise BadCursor from None


def _filtering(caller: Caller, filters: schemas.QueueFilters, moment: datetime) -> Iterator[ColumnElement[bool]]:
    late, due_soon = Review.due_at < moment, Review.yellow_at <= moment
    is_claimed = and_(Review.claimed_by.is_not(None), Review.claimed_until > moment)
    flags = {
        Flag.RED: late,
        Flag.YELLOW: and_(due_soon, not_(late)),
        Flag.GREEN: and_(or_(Review.yellow_at.is_(None), not_(due_soon)), not_(late)),
    }
    claims = {
        schemas.Claimed.FREE: not_(is_claimed),
        schemas.Claimed.MINE: and_(is_claimed, Review.claimed_by == caller.id),
        schemas.Claimed.OTHERS: and_(is_claimed, Review.claimed_by != caller.id),
    }
    if filters.flag:
        yield flags[filters.flag]
    if filters.claimed:
        yield claims[filters.claimed]
    if filters.category:
        yield Release.category == filters.category
    if filters.division_code:
        yield App.division_code == filters.division_code
