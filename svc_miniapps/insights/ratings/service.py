"""A person's rating of an app that they have opened: one, changed or withdrawn later."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app
from svc_miniapps.insights.openings.service import opened_today
from svc_miniapps.insights.ratings import presenters, schemas
from svc_miniapps.insights.ratings.grades import FEWEST, counted, lock_grade, recount
from svc_miniapps.insights.ratings.models import AppGrade, AppRating, AppRatingReply, AppRatingReport
from svc_miniapps.insights.recent.service import has_opened
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.listings.service import listed_version_code


class AppNotOpened(Problem):
    """Only who has opened an app rates it: it is in their list, or was opened today."""

    status, code = 409, "app_not_opened"


class RatingHidden(Problem):
    """What was hidden is not rewritten and shown again without the operator."""

    status, code = 409, "rating_hidden"


async def rate(tx: AsyncSession, person_id: UUID, app_id: UUID, new: schemas.NewAppRating) -> schemas.OwnAppRating:
    """Rate an app, or change one's rating. Idempotent.

    Raises:
        NotFound: residents do not see the app.
        AppNotOpened, RatingHidden
    """
    await _require_listed(tx, app_id)
    await lock_grade(tx, app_id)
    rating = await _rating_of(tx, person_id, app_id)
    before = counted(rating)
    if rating is None:
        if not (await has_opened(tx, person_id, app_id) or await opened_today(tx, person_id, app_id)):
            raise AppNotOpened
        rating = AppRating(app_id=app_id, person_id=person_id)
        tx.add(rating)
    elif rating.hidden_at:
        raise RatingHidden
    elif (rating.grade, rating.words) == (new.grade, new.words):
        return await presenters.own(tx, rating)
    rating.grade, rating.words, rating.changed_at = new.grade, new.words, now()
    with tx.no_autoflush:
        rating.version_code = await listed_version_code(tx, app_id)
    await tx.flush()
    await recount(tx, app_id, before, rating)
    return await presenters.own(tx, rating)


async def own_rating(tx: AsyncSession, person_id: UUID, app_id: UUID) -> schemas.OwnAppRating:
    """Raises: NotFound."""
    rating = await _rating_of(tx, person_id, app_id)
    if rating is None:
        raise NotFound
    return await presenters.own(tx, rating)


async def withdraw(tx: AsyncSession, person_id: UUID, app_id: UUID) -> None:
    """Withdraw one's rating: person and words are erased, and it counts no more. Idempotent."""
    if await _rating_of(tx, person_id, app_id):
        await lock_grade(tx, app_id)
        if rating := await _rating_of(tx, person_id, app_id):
            await _erase(tx, rating)


async def erase_ratings(tx: AsyncSession, person_id: UUID) -> None:
    """Withdraw the ratings of a person who has closed their account, and delete their reports."""
    apps = select(AppRating.app_id).where(AppRating.person_id == person_id).order_by(AppRating.app_id)
    for app_id in (await tx.scalars(apps)).all():
        await withdraw(tx, person_id, app_id)
    await tx.execute(delete(AppRatingReport).where(AppRatingReport.reported_by == person_id))


async def public_ratings(tx: AsyncSession, app_id: UUID, page: PageRequest) -> Page[schemas.AppRating]:
    """The ratings that residents see of an app, in no order of time; none below ten, as for the grade.

    Raises:
        NotFound
    """
    await _require_listed(tx, app_id)
    grade = await tx.get(AppGrade, app_id)
    if grade is None or grade.ratings < FEWEST:
        return Page(items=[], next_cursor=None)
    shown = select(AppRating).where(AppRating.withdrawn_at.is_(None), AppRating.hidden_at.is_(None))
    return await page_with_replies(tx, shown.where(AppRating.app_id == app_id), page, presenters.seen_by_others)


async def ratings_of_team(
    tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest
) -> Page[schemas.TeamAppRating]:
    """The ratings of an app of the caller's team, in no order of time.

    Raises:
        NotFound
    """
    app = await get_app(tx, caller, app_id)
    query = select(AppRating).where(AppRating.app_id == app.id, AppRating.withdrawn_at.is_(None))
    return await page_with_replies(tx, query, page, presenters.seen_by_team)


async def reply(tx: AsyncSession, caller: Caller, app_id: UUID, rating_id: UUID, words: str) -> schemas.TeamAppRating:
    """Reply to a rating as the app's team, or change the reply; each one is kept.

    Raises:
        NotFound
    """
    app = await get_app(tx, caller, app_id)
    rating = await standing_rating(tx, rating_id)
    if rating.app_id != app.id:
        raise NotFound
    replies = await presenters.replies_to(tx, [rating.id])
    if (before := replies.get(rating.id)) is None or before.words != words:
        tx.add(AppRatingReply(rating_id=rating.id, words=words, replied_by=caller.id))
        await tx.flush()
    return presenters.seen_by_team(rating, await presenters.replies_to(tx, [rating.id]))


async def standing_rating(tx: AsyncSession, rating_id: UUID) -> AppRating:
    """A rating that is not withdrawn, read after the grade of its app is locked.

    Raises:
        NotFound
    """
    app_id = await tx.scalar(select(AppRating.app_id).where(AppRating.id == rating_id))
    if app_id is None:
        raise NotFound
    await lock_grade(tx, app_id)
    rating = await tx.get_one(AppRating, rating_id, populate_existing=True)
    if rating.withdrawn_at is not None:
        raise NotFound
    return rating


Shown = TypeVar("Shown")


async def page_with_replies(
    tx: AsyncSession,
    query: Select[AppRating],
    page: PageRequest,
    show: Callable[[AppRating, presenters.Replies], Shown],
) -> Page[Shown]:
    rows = await page_of(tx, query, page, AppRating.id, lambda row: row)
    replies = await presenters.replies_to(tx, [row.id for row in rows.items])
    return Page(items=[show(row, replies) for row in rows.items], next_cursor=rows.next_cursor)


async def _rating_of(tx: AsyncSession, person_id: UUID, app_id: UUID) -> AppRating | None:
    mine = AppRating.app_id == app_id, AppRating.person_id == person_id
    return await tx.scalar(select(AppRating).where(*mine).execution_options(populate_existing=True))


async def _erase(tx: AsyncSession, rating: AppRating) -> None:
    before = counted(rating)
    rating.withdrawn_at, rating.person_id, rating.words, rating.salt = now(), None, None, uuid4()
    await tx.flush()
    await recount(tx, rating.app_id, before, rating)


async def _require_listed(tx: AsyncSession, app_id: UUID) -> None:
    listed = select(App.id).join(Listing, Listing.app_id == App.id).where(Listing.hidden_at.is_(None))
    if await tx.scalar(listed.where(App.id == app_id)) is None:
        raise NotFound
