"""Requesting and deciding reviews: by a reviewer of another organisation, within the promised time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, and_, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, now
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import Problem
from kit.calendar import database_time
from kit.changed_days import working_days
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.publishing.releases.models import Release
from svc_miniapps.publishing.reviews import schemas
from svc_miniapps.publishing.reviews.checklist import checklist
from svc_miniapps.publishing.reviews.clock import Flag, due_after, yellow_after
from svc_miniapps.publishing.reviews.models import Outcome, Review

CLAIM = timedelta(hours=4)


class OwnOrganisation(Problem):
    status, code = 403, "own_organisation"


class OwnSubmission(Problem):
    status, code = 403, "own_submission"


class ReviewClaimed(Problem):
    status, code = 409, "review_claimed"


class ChecklistIncomplete(Problem):
    status, code = 422, "checklist_incomplete"


async def open_review(tx: AsyncSession, caller: Caller, release: Release) -> None:
    """Request a review of a release; the promised time runs from now."""
    submitted_at = now()
    with tx.no_autoflush:  # the release is submitted only once its turn was checked
        is_working = await working_days(tx)
    release.reviews.append(
        Review(
            submitted_by=caller.id,
            submitted_at=submitted_at,
            yellow_at=yellow_after(submitted_at, is_working=is_working),
            due_at=due_after(submitted_at, is_working=is_working),
            reasons=[],
            checklist=[],
        )
    )


def withdraw_review(release: Release) -> None:
    review = release.reviews[-1]
    if review.outcome == Outcome.WAITING:
        review.outcome = Outcome.WITHDRAWN


def approve(caller: Caller, release: Release, approval: schemas.Approval) -> datetime:
    """Record the approval of exactly the package that was read, with everything that was checked. Returns its time.

    Raises:
        ChecklistIncomplete
    """
    missing = checklist().keys() - {checked.item for checked in approval.checklist}
    if missing:
        raise ChecklistIncomplete(missing=", ".join(item for item in checklist() if item in missing))
    decided_at = now()
    review = _decided(caller, release, Outcome.APPROVED, decided_at)
    review.checklist = [checked.model_dump() for checked in approval.checklist]
    review.approved_sha256 = release.package.sha256
    return decided_at


def reject(caller: Caller, release: Release, reasons: list[schemas.Reason]) -> None:
    """Record a rejection, with what to correct."""
    _decided(caller, release, Outcome.REJECTED, now()).reasons = [reason.model_dump() for reason in reasons]


def _decided(caller: Caller, release: Release, outcome: Outcome, decided_at: datetime) -> Review:
    review = release.reviews[-1]
    review.outcome = outcome
    review.reviewer_id = caller.id
    review.reviewer_organisation_id = members.reviewer_of(caller, release.app.division_code).organisation_id
    review.decided_at = decided_at
    return review


async def require_unclaimed(tx: AsyncSession, caller: Caller, release: Release) -> None:
    """Refuse a reviewer while another one is at it.

    Raises:
        ReviewClaimed
    """
    review = release.reviews[-1]
    until = review.claimed_until
    if review.claimed_by != caller.id and until is not None and until > await database_time(tx):
        raise ReviewClaimed(until=f"{until.astimezone(CHINA):%Y-%m-%d %H:%M}")


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


async def list_waiting_reviews(
    tx: AsyncSession, caller: Caller, filters: schemas.QueueFilters, page: PageRequest
) -> Page[schemas.WaitingReview]:
    """The reviews that this reviewer may decide, longest waiting first: one promise for all, so late ones lead."""
    moment = now()
    query = (
        select(Review)
        .join(Release, Release.id == Review.release_id)
        .join(App, App.id == Release.app_id)
        .where(Review.outcome == Outcome.WAITING, members.reviewable(caller, App.organisation_id, App.division_code))
        .where(*_filtering(caller, filters, moment))
    )
    return await page_of(tx, query, page, Review.id, partial(schemas.WaitingReview.of, at=moment))


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
