"""Requesting and deciding reviews: by a reviewer of another organisation, within the promised time."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, now
from chassis.problems import Problem
from kit.calendar import database_time
from kit.changed_days import working_days
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.publishing.releases.models import Release
from svc_miniapps.publishing.reviews import schemas
from svc_miniapps.publishing.reviews.checklist import checklist
from svc_miniapps.publishing.reviews.clock import due_after, yellow_after
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
