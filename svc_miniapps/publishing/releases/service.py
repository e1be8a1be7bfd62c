"""The way of a release: draft, submitted, approved or rejected, published.

Every change of a release locks its app first, which serialises the changes of one app.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit import etags
from kit.security_log import record_on_commit
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app
from svc_miniapps.packages.models import Package
from svc_miniapps.publishing.listings.service import listed_version_code, show_in_catalogue
from svc_miniapps.publishing.releases import schemas
from svc_miniapps.publishing.releases.events import (
    ReleaseApproved,
    ReleasePublished,
    ReleaseRejected,
    ReleaseSubmitted,
)
from svc_miniapps.publishing.releases.models import Release, Status
from svc_miniapps.publishing.reviews import service as reviews
from svc_miniapps.publishing.reviews.models import Outcome
from svc_miniapps.publishing.reviews.schemas import Reason

_EVENTS = {
    Status.DRAFT: SecurityEvent("release_withdrawn"),
    Status.SUBMITTED: SecurityEvent("release_submitted"),
    Status.APPROVED: SecurityEvent("release_approved"),
    Status.REJECTED: SecurityEvent("release_rejected"),
    Status.PUBLISHED: SecurityEvent("release_published"),
    Status.GRAY: SecurityEvent("release_gray_changed"),
    Status.WITHDRAWN: SecurityEvent("release_gray_withdrawn"),
}


class AnotherReleaseOpen(Problem):
    status, code = 409, "another_release_open"


class OlderThanPublished(Problem):
    status, code = 409, "older_than_published"


async def open_draft(tx: AsyncSession, app: App, package: Package) -> Release:
    """A draft for a package that was just uploaded; the app is locked by the caller."""
    release = Release(app_id=app.id, package_id=package.id, app=app, package=package, reviews=[])
    release.describe()
    tx.add(release)
    await tx.flush()
    return release


async def release_of(tx: AsyncSession, package_id: UUID) -> UUID:
    return (await tx.scalars(select(Release.id).where(Release.package_id == package_id))).one()


async def list_releases(tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest) -> Page[schemas.Release]:
    """The releases of an app of the caller's team, the newest first."""
    app = await get_app(tx, caller, app_id)
    query = select(Release).where(Release.app_id == app.id)
    return await page_of(tx, query, page, Release.id, schemas.Release.of, newest_first=True)


async def get_release(tx: AsyncSession, caller: Caller, release_id: UUID) -> Release:
    """A release as its team sees it at any time, and reviewers once it was submitted.

    Raises:
        NotFound: also for those whom it does not concern, so that a draft stays unknown.
    """
    release = await tx.get(Release, release_id)
    if release is None or not _may_see(caller, release):
        raise NotFound
    return release


def _may_see(caller: Caller, release: Release) -> bool:
    is_reviewer = members.reviews_in(caller, release.app.division_code)
    return _is_own(caller, release) or (is_reviewer and release.status != Status.DRAFT)


def _is_own(caller: Caller, release: Release) -> bool:
    return members.is_in_team(caller, release.app.organisation_id, release.app.division_code)


async def submit_release(
    tx: AsyncSession, caller: Caller, release_id: UUID, submission: schemas.Submission
) -> schemas.Release:
    """Request a review; the reviewer reads the app's description of this moment.

    Raises:
        IllegalMove: it is under review or was decided already.
        AnotherReleaseOpen: another release of the app is under review or approved and not yet published.
        OlderThanPublished: residents already have a newer version.
    """
    release = await _own_locked(tx, caller, release_id)
    release.move_to(Status.SUBMITTED)
    await _require_turn(tx, release)
    release.describe()
    release.publish_on_approval = submission.publish_on_approval
    reviews.open_review(caller, release)
    return await _changed(tx, release, ReleaseSubmitted.of(release, submitted_by=caller.id))


async def _require_turn(tx: AsyncSession, release: Release) -> None:
    open_elsewhere = select(Release.id).where(
        Release.app_id == release.app_id,
        Release.id != release.id,
        Release.status.in_([Status.SUBMITTED, Status.APPROVED]),
    )
    with tx.no_autoflush:  # our own move would meet the unique index first, and as an error
        if other := await tx.scalar(open_elsewhere):
            raise AnotherReleaseOpen(other_release_id=str(other))
        listed = await listed_version_code(tx, release.app_id)
    if listed > release.package.version_code:
        raise OlderThanPublished(published_version_code=listed)


async def withdraw_release(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.Release:
    """Withdraw a release under review, or an approved one not yet published; it becomes a draft again."""
    release = await _own_locked(tx, caller, release_id)
    release.move_to(Status.DRAFT)
    reviews.withdraw_review(release)
    return await _changed(tx, release)


async def approve_release(tx: AsyncSession, caller: Caller, release_id: UUID, if_match: str | None) -> schemas.Release:
    """Approve what was submitted; unless the team keeps it back, residents have it at once.

    Raises:
        OwnOrganisation, OwnSubmission: the reviewer has a part in it.
        EditedMeanwhile: it was withdrawn and submitted again since the reviewer read it.
        IllegalMove: it does not wait for a decision, perhaps because another reviewer was quicker.
    """
    release = await _locked_for_decision(tx, caller, release_id, if_match)
    release.move_to(Status.APPROVED)
    reviews.decide(caller, release, Outcome.APPROVED, [])
    answer = await _changed(tx, release, ReleaseApproved.of(release, reviewer_id=caller.id))
    return await _published(tx, release) if release.publish_on_approval else answer


async def reject_release(
    tx: AsyncSession, caller: Caller, release_id: UUID, reasons: list[Reason], if_match: str | None
) -> schemas.Release:
    """Reject a submission with what to correct. Raises as `approve_release` does."""
    release = await _locked_for_decision(tx, caller, release_id, if_match)
    release.move_to(Status.REJECTED)
    reviews.decide(caller, release, Outcome.REJECTED, reasons)
    codes = [reason.code for reason in reasons]
    return await _changed(tx, release, ReleaseRejected.of(release, reviewer_id=caller.id, reason_codes=codes))


async def publish_release(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.Release:
    """Publish a release that was approved and kept back."""
    return await _published(tx, await _own_locked(tx, caller, release_id))


async def _published(tx: AsyncSession, release: Release) -> schemas.Release:
    release.move_to(Status.PUBLISHED)
    release.published_at = now()
    await show_in_catalogue(tx, release)
    package = release.package
    event = ReleasePublished.of(release, sha256=package.sha256, size_bytes=package.size_bytes)
    return await _changed(tx, release, event)


async def _changed(
    tx: AsyncSession,
    release: Release,
    *events: ReleaseSubmitted | ReleaseApproved | ReleaseRejected | ReleasePublished,
) -> schemas.Release:
    await tx.flush()
    if events:
        await emit(tx, *events)
    record_on_commit(tx, _EVENTS[Status(release.status)], release_id=release.id, app_id=release.app_id)
    return schemas.Release.of(release)


async def _locked_for_decision(tx: AsyncSession, caller: Caller, release_id: UUID, if_match: str | None) -> Release:
    release = await _locked(tx, release_id)
    if not release.reviews:  # one that was withdrawn is known to reviewers, and answers that it is a draft again
        raise NotFound
    await reviews.require_independent(tx, caller, release)
    etags.require_unchanged(if_match, etags.etag_of(release.revision))
    return release


async def _own_locked(tx: AsyncSession, caller: Caller, release_id: UUID) -> Release:
    release = await _locked(tx, release_id)
    if not _is_own(caller, release):
        raise NotFound
    return release


async def _locked(tx: AsyncSession, release_id: UUID) -> Release:
    """A release, read after its app is locked so that it is current."""
    app_id = select(Release.app_id).where(Release.id == release_id).scalar_subquery()
    if await tx.scalar(select(App.id).where(App.id == app_id).with_for_update()) is None:
        raise NotFound
    return await tx.get_one(Release, release_id)
