"""The way of a release: draft, submitted, approved or rejected, gray, published, superseded.

Every change of a release locks its app first, which serialises the changes of one app.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import IllegalMove, NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit import etags
from kit.security_log import record_on_commit
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app
from svc_miniapps.packages.models import Package
from svc_miniapps.packages.statements import PackageSigner
from svc_miniapps.publishing.domains.queries import require_allowed
from svc_miniapps.publishing.gray.service import end_gray
from svc_miniapps.publishing.listings.service import listed_version_code, show_in_catalogue
from svc_miniapps.publishing.releases import schemas
from svc_miniapps.publishing.releases.events import (
    ReleaseApproved,
    ReleaseEvent,
    ReleasePublished,
    ReleaseRejected,
    ReleaseSubmitted,
)
from svc_miniapps.publishing.releases.models import Release, Status
from svc_miniapps.publishing.reviews import service as reviews
from svc_miniapps.publishing.reviews.files import keep_cited
from svc_miniapps.publishing.reviews.models import Outcome
from svc_miniapps.publishing.reviews.schemas import Approval, Reason
from svc_miniapps.publishing.signatures.service import sign_approved
from svc_miniapps.publishing.take_downs.queries import is_taken_down, require_standing
from svc_miniapps.teams.webhooks.models import WebhookKind
from svc_miniapps.teams.webhooks.service import enqueue

_EVENTS = {
    Status.DRAFT: SecurityEvent("release_withdrawn"),
    Status.SUBMITTED: SecurityEvent("release_submitted"),
    Status.APPROVED: SecurityEvent("release_approved"),
    Status.REJECTED: SecurityEvent("release_rejected"),
    Status.PUBLISHED: SecurityEvent("release_published"),
    Status.GRAY: SecurityEvent("release_gray_changed"),
    Status.WITHDRAWN: SecurityEvent("release_gray_withdrawn"),
}


_TOLD = {
    Status.APPROVED: WebhookKind.RELEASE_APPROVED,
    Status.REJECTED: WebhookKind.RELEASE_REJECTED,
    Status.PUBLISHED: WebhookKind.RELEASE_PUBLISHED,
}


class AnotherReleaseOpen(Problem):
    status, code = 409, "another_release_open"


class OlderThanPublished(Problem):
    status, code = 409, "older_than_published"


class NotWhatWasApproved(Problem):
    """The package of the release is not the one that the reviewer approved."""

    status, code = 409, "not_what_was_approved"


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
        AnotherReleaseOpen: another release of the app is under review, approved and not yet published, or gray.
        OlderThanPublished: residents already have a newer version.
        DomainsNotProven: a server that it names has left the allow-list.
    """
    release = await own_locked(tx, caller, release_id)
    release.move_to(Status.SUBMITTED)
    await _require_turn(tx, release)
    await require_allowed(tx, release.app_id, release.package_id)
    release.describe()
    release.publish_on_approval = submission.publish_on_approval
    await reviews.open_review(tx, caller, release)
    return await changed(tx, release, ReleaseSubmitted.of(release, submitted_by=caller.id))


async def _require_turn(tx: AsyncSession, release: Release) -> None:
    open_elsewhere = select(Release.id).where(
        Release.app_id == release.app_id,
        Release.id != release.id,
        Release.status.in_([Status.SUBMITTED, Status.APPROVED, Status.GRAY]),
    )
    with tx.no_autoflush:  # our own move would meet the unique index first, and as an error
        if other := await tx.scalar(open_elsewhere):
            raise AnotherReleaseOpen(other_release_id=str(other))
        listed = await listed_version_code(tx, release.app_id)
    if listed > release.package.version_code:
        raise OlderThanPublished(published_version_code=listed)


async def withdraw_release(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.Release:
    """Withdraw a release under review, or an approved one not yet published; it becomes a draft again."""
    release = await own_locked(tx, caller, release_id)
    release.move_to(Status.DRAFT)
    if release.reviews:
        await keep_cited(tx, release.reviews[-1])
    reviews.withdraw_review(release)
    return await changed(tx, release)


async def approve_release(
    tx: AsyncSession,
    caller: Caller,
    signer: PackageSigner,
    release_id: UUID,
    approval: Approval,
    if_match: str | None,
) -> schemas.Release:
    """Approve and sign what was submitted; residents have it at once, unless it is kept back or its app taken down.

    Raises:
        OwnOrganisation, OwnSubmission: the reviewer has a part in it.
        ReviewClaimed: another reviewer is at it.
        ChecklistIncomplete: not everything was checked.
        DomainsNotProven: a server that it names has left the allow-list since it was submitted.
        EditedMeanwhile: it was withdrawn and submitted again since the reviewer read it.
        IllegalMove: it does not wait for a decision, perhaps because another reviewer was quicker.
    """
    release = await _locked_for_decision(tx, caller, release_id, if_match)
    release.move_to(Status.APPROVED)
    await require_allowed(tx, release.app_id, release.package_id)
    await keep_cited(tx, release.reviews[-1])
    decided_at = reviews.approve(caller, release, approval)
    await sign_approved(tx, signer, release.package, decided_at)
    answer = await changed(tx, release, ReleaseApproved.of(release, reviewer_id=caller.id))
    at_once = release.publish_on_approval and not await is_taken_down(tx, release.app_id)
    return await publish(tx, release) if at_once else answer


async def reject_release(
    tx: AsyncSession, caller: Caller, release_id: UUID, reasons: list[Reason], if_match: str | None
) -> schemas.Release:
    """Reject a submission with what to correct.

    Raises:
        UnknownReviewFile; and as `approve_release`.
    """
    release = await _locked_for_decision(tx, caller, release_id, if_match)
    release.move_to(Status.REJECTED)
    await keep_cited(tx, release.reviews[-1], reasons)
    reviews.reject(caller, release, reasons)
    codes = [reason.code for reason in reasons]
    return await changed(tx, release, ReleaseRejected.of(release, reviewer_id=caller.id, reason_codes=codes))


async def publish_release(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.Release:
    """Give everybody a release that was approved and kept back, or that is gray.

    Raises:
        IllegalMove, NotWhatWasApproved, AppTakenDown
    """
    release = await own_locked(tx, caller, release_id)
    if release.status == Status.SUPERSEDED:
        raise IllegalMove(current=str(release.status), wanted=str(Status.PUBLISHED))  # that is a rollback
    return await publish(tx, release)


async def publish(tx: AsyncSession, release: Release, *, is_rollback: bool = False) -> schemas.Release:
    """Let residents have a release in the place of the one before; the app is locked by the caller."""
    release.move_to(Status.PUBLISHED)
    require_as_approved(release)
    await require_standing(tx, release.app_id)
    await _supersede(tx, release)
    release.published_at = now()
    await end_gray(tx, release.app_id)
    await show_in_catalogue(tx, release)
    package = release.package
    event = ReleasePublished.of(release, sha256=package.sha256, size_bytes=package.size_bytes, is_rollback=is_rollback)
    return await changed(tx, release, event)


def require_as_approved(release: Release) -> None:
    """Refuse a package that is not, byte for byte, what a reviewer approved.

    Raises:
        NotWhatWasApproved
    """
    approved = {review.approved_sha256 for review in release.reviews if review.outcome == Outcome.APPROVED}
    if release.package.sha256 not in approved:
        raise NotWhatWasApproved


async def _supersede(tx: AsyncSession, release: Release) -> None:
    of_app = Release.app_id == release.app_id, Release.status == Status.PUBLISHED, Release.id != release.id
    with tx.no_autoflush:
        before = (await tx.scalars(select(Release).where(*of_app))).all()
    for each in before:
        each.move_to(Status.SUPERSEDED)


async def changed(tx: AsyncSession, release: Release, *events: ReleaseEvent) -> schemas.Release:
    """The release after a move, with its events and its line in the security log."""
    await tx.flush()
    if events:
        await emit(tx, *events)
    if kind := _TOLD.get(Status(release.status)):
        team, code = (release.app.organisation_id, release.app.division_code), release.package.version_code
        await enqueue(tx, *team, kind, release.app_id, release_id=release.id, version_code=code)
    record_on_commit(tx, _EVENTS[Status(release.status)], release_id=release.id, app_id=release.app_id)
    return schemas.Release.of(release)


async def _locked_for_decision(tx: AsyncSession, caller: Caller, release_id: UUID, if_match: str | None) -> Release:
    release = await locked(tx, release_id)
    if not release.reviews:  # one that was withdrawn is known to reviewers, and answers that it is a draft again
        raise NotFound
    await reviews.require_independent(tx, caller, release)
    await reviews.require_unclaimed(tx, caller, release)
    etags.require_unchanged(if_match, etags.etag_of(release.revision))
    return release


async def own_locked(tx: AsyncSession, caller: Caller, release_id: UUID) -> Release:
    """A release of the caller's team, kept from every other change until the transaction ends."""
    release = await locked(tx, release_id)
    if not _is_own(caller, release):
        raise NotFound
    return release


async def locked(tx: AsyncSession, release_id: UUID) -> Release:
    """A release, read after its app is locked so that it is current."""
    app_id = select(Release.app_id).where(Release.id == release_id).scalar_subquery()
    if await tx.scalar(select(App.id).where(App.id == app_id).with_for_update()) is None:
        raise NotFound
    return await tx.get_one(Release, release_id)
