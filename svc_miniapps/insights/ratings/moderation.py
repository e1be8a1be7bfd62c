"""Reported ratings: an operator hides one with a reason that its author reads, another one may show it again."""

from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import IllegalMove, NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in, divisions_of
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app
from svc_miniapps.insights.ratings import presenters, schemas
from svc_miniapps.insights.ratings.events import AppRatingHidden
from svc_miniapps.insights.ratings.grades import counted, recount
from svc_miniapps.insights.ratings.models import AppRating, AppRatingReport
from svc_miniapps.insights.ratings.service import standing_rating

_HIDDEN, _SHOWN = SecurityEvent("app_rating_hidden"), SecurityEvent("app_rating_shown")
_MOST_REASONS = 20
_WAITS = exists().where(AppRatingReport.rating_id == AppRating.id, AppRatingReport.closed_at.is_(None))


class OwnApp(Problem):
    """An operator who has a role in the app's organisation does not decide what is read of the app."""

    status, code = 403, "own_organisation"


async def report(tx: AsyncSession, person_id: UUID, rating_id: UUID, reason: str) -> schemas.RatingReportReceipt:
    """Report a rating that others see; a person's second report of it changes nothing.

    Raises:
        NotFound
    """
    rating = await standing_rating(tx, rating_id)
    if rating.hidden_at is not None:
        raise NotFound
    row = {"id": new_id(), "rating_id": rating.id, "reported_by": person_id, "reason": reason, "reported_at": now()}
    await tx.execute(insert(AppRatingReport).values(**row).on_conflict_do_nothing())
    mine = AppRatingReport.rating_id == rating.id, AppRatingReport.reported_by == person_id
    reported_at = (await tx.scalars(select(AppRatingReport.reported_at).where(*mine))).one()
    return schemas.RatingReportReceipt(rating_id=rating.id, reported_at=reported_at)


async def report_as_team(
    tx: AsyncSession, caller: Caller, app_id: UUID, rating_id: UUID, reason: str
) -> schemas.RatingReportReceipt:
    """Report a rating of an app of the caller's team.

    Raises:
        NotFound
    """
    app = await get_app(tx, caller, app_id)
    if await tx.scalar(select(AppRating.app_id).where(AppRating.id == rating_id)) != app.id:
        raise NotFound
    return await report(tx, caller.id, rating_id, reason)


async def list_reported(
    tx: AsyncSession, caller: Caller, page: PageRequest, *, hidden: bool
) -> Page[schemas.ReportedAppRating]:
    """The ratings in an operator's divisions that were reported, or those that are hidden."""
    query = select(AppRating).join(App, App.id == AppRating.app_id).where(AppRating.withdrawn_at.is_(None))
    which: ColumnElement[bool] = AppRating.hidden_at.is_not(None) if hidden else _WAITS
    query = query.where(which, App.organisation_id.not_in([each.organisation_id for each in caller.memberships]))
    if (divisions := divisions_of(caller, members.OPERATOR)) is not None:
        query = query.where(App.division_code.in_(divisions))
    rows = await page_of(tx, query, page, AppRating.id, lambda row: row)
    return Page(items=[await _reported(tx, row) for row in rows.items], next_cursor=rows.next_cursor)


async def hide(tx: AsyncSession, caller: Caller, rating_id: UUID, reason: str) -> schemas.ReportedAppRating:
    """Hide a reported rating; its author reads the reason.

    Raises:
        NotFound, NotYourDivision, OwnApp
        IllegalMove: it is hidden, or nobody has reported it.
    """
    rating, _app = await _decided(tx, caller, rating_id)
    if rating.hidden_at or not await tx.scalar(select(AppRating.id).where(AppRating.id == rating_id, _WAITS)):
        raise IllegalMove(current="hidden" if rating.hidden_at else "not reported", wanted="hidden")
    before = counted(rating)
    rating.hidden_at, rating.hidden_by, rating.hidden_reason, rating.shown_by = now(), caller.id, reason, None
    await _close_reports(tx, rating)
    await recount(tx, rating.app_id, before, rating)
    await emit(tx, AppRatingHidden(rating_id=rating.id, app_id=rating.app_id, person_id=rating.person_id))
    record_on_commit(tx, _HIDDEN, rating_id=rating.id, app_id=rating.app_id)
    return await _reported(tx, rating)


async def keep(tx: AsyncSession, caller: Caller, rating_id: UUID) -> schemas.ReportedAppRating:
    """Close the reports of a rating that stays. Idempotent.

    Raises:
        NotFound, NotYourDivision, OwnApp
    """
    rating, _app = await _decided(tx, caller, rating_id)
    await _close_reports(tx, rating)
    return await _reported(tx, rating)


async def show_again(tx: AsyncSession, caller: Caller, rating_id: UUID) -> schemas.ReportedAppRating:
    """Show a hidden rating again, as another operator than the one who hid it.

    Raises:
        NotFound, NotYourDivision, OwnApp, IllegalMove; and as `require_second_holder`.
    """
    rating, app = await _decided(tx, caller, rating_id)
    if rating.hidden_at is None:
        raise IllegalMove(current="shown", wanted="shown")
    await require_second_holder(tx, caller, rating.hidden_by, within=[app.division_code])
    before = counted(rating)
    rating.hidden_at, rating.shown_by = None, caller.id
    await tx.flush()
    await recount(tx, rating.app_id, before, rating)
    record_on_commit(tx, _SHOWN, rating_id=rating.id, app_id=rating.app_id)
    return await _reported(tx, rating)


async def _decided(tx: AsyncSession, caller: Caller, rating_id: UUID) -> tuple[AppRating, App]:
    rating = await standing_rating(tx, rating_id)
    app = await tx.get_one(App, rating.app_id)
    acting_in(caller, [app.division_code], members.OPERATOR)
    if members.belongs_to(caller, app.organisation_id):
        raise OwnApp
    return rating, app


async def _close_reports(tx: AsyncSession, rating: AppRating) -> None:
    await tx.flush()
    waiting = update(AppRatingReport).where(AppRatingReport.rating_id == rating.id, AppRatingReport.closed_at.is_(None))
    await tx.execute(waiting.values(closed_at=now()))


async def _reported(tx: AsyncSession, rating: AppRating) -> schemas.ReportedAppRating:
    waiting = AppRatingReport.rating_id == rating.id, AppRatingReport.closed_at.is_(None)
    query = select(AppRatingReport.reason).where(*waiting).order_by(AppRatingReport.id).limit(_MOST_REASONS)
    return schemas.ReportedAppRating(
        **presenters.seen_by_team(rating, await presenters.replies_to(tx, [rating.id])).model_dump(),
        app_id=rating.app_id,
        reasons=list(await tx.scalars(query)),
        hidden_reason=rating.hidden_reason,
    )
