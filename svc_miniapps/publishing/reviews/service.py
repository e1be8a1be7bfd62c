"""Requesting and deciding reviews: by a reviewer of another organisation, within the promised time."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, now
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import Problem
from kit.calendar import working_day_after
from kit.changed_days import working_days
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.publishing.releases.models import Release
from svc_miniapps.publishing.reviews import schemas
from svc_miniapps.publishing.reviews.models import Outcome, Review

PROMISED_WORKING_DAYS = 3


class OwnOrganisation(Problem):
    status, code = 403, "own_organisation"


class OwnSubmission(Problem):
    status, code = 403, "own_submission"


async def open_review(tx: AsyncSession, caller: Caller, release: Release) -> None:
    """Request a review of a release; the promised time runs from now."""
    submitted_at, counts = now(), await working_days(tx)
    due_at = due_after(submitted_at, counts)
    release.reviews.append(Review(submitted_by=caller.id, submitted_at=submitted_at, due_at=due_at, reasons=[]))


def due_after(submitted_at: datetime, counts: Callable[[date], bool]) -> datetime:
    """The same time of day on the promised working day, in Beijing time."""
    start = submitted_at.astimezone(CHINA)
    day = working_day_after(start.date(), PROMISED_WORKING_DAYS, counts=counts)
    return datetime.combine(day, start.timetz()).astimezone(submitted_at.tzinfo)


def withdraw_review(release: Release) -> None:
    review = release.reviews[-1]
    if review.outcome == Outcome.WAITING:
        review.outcome = Outcome.WITHDRAWN


def decide(caller: Caller, release: Release, outcome: Outcome, reasons: list[schemas.Reason]) -> None:
    """Record a decision on the pending review of a release."""
    review = release.reviews[-1]
    review.outcome = outcome
    review.reviewer_id = caller.id
    review.reviewer_organisation_id = members.reviewer_of(caller, release.app.division_code).organisation_id
    review.reasons = [reason.model_dump() for reason in reasons]
    review.decided_at = now()


async def require_independent(tx: AsyncSession, caller: Caller, release: Release) -> None:
    """Refuse a reviewer who is involved in the app.

    Raises:
        NotYourDivision: the app belongs to another division.
        OwnOrganisation: the reviewer has a role in the organisation whose app it is.
        OwnSubmission: the reviewer uploaded the package or submitted it.
        RoleNotKnownYet, RoleTooNew, NotIndependent: as `require_second_holder`.
    """
    if members.belongs_to(caller, release.app.organisation_id):
        raise OwnOrganisation
    within = [release.app.division_code]
    acting_in(caller, within, members.REVIEWER)
    authors = release.package.uploaded_by, release.reviews[-1].submitted_by
    for author in authors:
        await require_second_holder(
            tx, caller, author, role=members.REVIEWER, first_role=members.TEAM, within=within, refusal=OwnSubmission
        )


async def list_waiting_reviews(tx: AsyncSession, caller: Caller, page: PageRequest) -> Page[schemas.WaitingReview]:
    """The reviews that this reviewer may decide, longest waiting first."""
    query = (
        select(Review)
        .join(Release, Release.id == Review.release_id)
        .join(App, App.id == Release.app_id)
        .where(Review.outcome == Outcome.WAITING, members.reviewable(caller, App.organisation_id, App.division_code))
    )
    return await page_of(tx, query, page, Review.id, partial(schemas.WaitingReview.of, at=now()))
