from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.auth import anyone
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.insights.callers import Person
from svc_miniapps.insights.ratings import moderation, schemas, service
from svc_miniapps.members import Operator, TeamMember

router = APIRouter(prefix="/miniapps/v1", tags=["ratings"])


@router.put("/me/app-ratings/{app_id}")
async def rate_app(tx: Tx, caller: Person, app_id: UUID, body: schemas.NewAppRating) -> schemas.OwnAppRating:
    """Set the signed-in person's rating of a mini-app that they have opened, or change it.

    Nobody else learns whose rating it is.
    """
    return await service.rate(tx, caller.id, app_id, body)


@router.get("/me/app-ratings/{app_id}")
async def get_own_app_rating(tx: ReadTx, caller: Person, app_id: UUID) -> schemas.OwnAppRating:
    """Get the signed-in person's rating of a mini-app, with the team's reply and why it was hidden, if it was."""
    return await service.own_rating(tx, caller.id, app_id)


@router.delete("/me/app-ratings/{app_id}", status_code=204)
async def withdraw_app_rating(tx: Tx, caller: Person, app_id: UUID) -> None:
    """Withdraw the signed-in person's rating of a mini-app."""
    await service.withdraw(tx, caller.id, app_id)


@router.get(
    "/catalogue/{app_id}/ratings",
    dependencies=[Depends(anyone(because="what residents say of an app is public, without whose it is"))],
)
async def list_public_app_ratings(tx: ReadTx, page: PageQuery, app_id: UUID) -> Page[schemas.AppRating]:
    """List the ratings of a mini-app, in no order of time; none before there are ten."""
    return await service.public_ratings(tx, app_id, page)


@router.post("/app-ratings/{rating_id}/reports", status_code=201)
async def report_app_rating(
    tx: Tx, caller: Person, once: OnceKey, rating_id: UUID, body: schemas.RatingReason
) -> schemas.RatingReportReceipt:
    """Submit a report that a rating should not be shown; an operator decides."""
    return await once.do(tx, caller, moderation.report(tx, caller.id, rating_id, body.reason))


@router.get("/apps/{app_id}/ratings")
async def list_app_ratings(
    tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID
) -> Page[schemas.TeamAppRating]:
    """List the ratings of a mini-app of the caller's team, in no order of time, without whose they are."""
    return await service.ratings_of_team(tx, caller, app_id, page)


@router.put("/apps/{app_id}/ratings/{rating_id}/reply")
async def reply_to_app_rating(
    tx: Tx, caller: TeamMember, app_id: UUID, rating_id: UUID, body: schemas.NewReply
) -> schemas.TeamAppRating:
    """Set the team's one reply to a rating, or change it. Earlier replies are kept in the log."""
    return await service.reply(tx, caller, app_id, rating_id, body.words)


@router.post("/apps/{app_id}/ratings/{rating_id}/reports", status_code=201)
async def report_received_app_rating(
    tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, rating_id: UUID, body: schemas.RatingReason
) -> schemas.RatingReportReceipt:
    """Submit a report of a rating of the team's mini-app; an operator decides."""
    return await once.do(tx, caller, moderation.report_as_team(tx, caller, app_id, rating_id, body.reason))


@router.get("/app-ratings")
async def list_reported_app_ratings(
    tx: ReadTx,
    caller: Operator,
    page: PageQuery,
    hidden: Annotated[bool, Query(description="The hidden ones instead of those that wait for a decision.")] = False,  # noqa: FBT002
) -> Page[schemas.ReportedAppRating]:
    """List the reported ratings of mini-apps in the caller's divisions."""
    return await moderation.list_reported(tx, caller, page, hidden=hidden)


@router.post("/app-ratings/{rating_id}/hide")
async def hide_app_rating(
    tx: Tx, caller: Operator, once: OnceKey, rating_id: UUID, body: schemas.RatingReason
) -> schemas.ReportedAppRating:
    """Withdraw a reported rating from view with a reason, which its author reads; it counts in no grade."""
    return await once.do(tx, caller, moderation.hide(tx, caller, rating_id, body.reason))


@router.post("/app-ratings/{rating_id}/keep")
async def keep_app_rating(tx: Tx, caller: Operator, once: OnceKey, rating_id: UUID) -> schemas.ReportedAppRating:
    """Close the reports of a rating that stays."""
    return await once.do(tx, caller, moderation.keep(tx, caller, rating_id))


@router.post("/app-ratings/{rating_id}/show")
async def show_app_rating(tx: Tx, caller: Operator, once: OnceKey, rating_id: UUID) -> schemas.ReportedAppRating:
    """Show a hidden rating again, as another operator than the one who hid it."""
    return await once.do(tx, caller, moderation.show_again(tx, caller, rating_id))
