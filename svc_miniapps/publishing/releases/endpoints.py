from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.etags import IfMatch, etag_of
from svc_miniapps.members import Reviewer, TeamMember, TeamMemberOrReviewer
from svc_miniapps.packages.download import PACKAGE_RESPONSES, package_response
from svc_miniapps.packages.store import Store
from svc_miniapps.publishing.releases import schemas, service
from svc_miniapps.publishing.releases.integrity import Stored
from svc_miniapps.publishing.releases.rollback import roll_back
from svc_miniapps.publishing.reviews.schemas import Approval, Rejection

router = APIRouter(prefix="/miniapps/v1", tags=["releases"])


@router.get("/apps/{app_id}/releases")
async def list_releases(tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID) -> Page[schemas.Release]:
    """List the releases of a mini-app of the caller's team, newest first."""
    return await service.list_releases(tx, caller, app_id, page)


@router.get("/releases/{release_id}")
async def get_release(
    tx: ReadTx, caller: TeamMemberOrReviewer, response: Response, release_id: UUID
) -> schemas.Release:
    """Get a release, with the ETag that a decision may name.

    Its team can read it at any time, reviewers once it is submitted.
    """
    release = await service.get_release(tx, caller, release_id)
    response.headers["ETag"] = etag_of(release.revision)
    return schemas.Release.of(release)


@router.get("/releases/{release_id}/package", response_class=StreamingResponse, responses=PACKAGE_RESPONSES)
async def download_release_package(
    tx: ReadTx, caller: TeamMemberOrReviewer, objects: Store, release_id: UUID
) -> Response:
    """Download the package of a release as it was uploaded, for review."""
    release = await service.get_release(tx, caller, release_id)
    return await package_response(objects, release.package)


@router.post("/releases/{release_id}/submit")
async def submit_release(
    tx: Tx, caller: TeamMember, once: OnceKey, release_id: UUID, body: schemas.Submission | None = None
) -> schemas.Release:
    """Submit a release for review.

    Reviewers and residents see the mini-app's description as it is now.
    """
    submission = body or schemas.Submission()
    return await once.do(tx, caller, service.submit_release(tx, caller, release_id, submission))


@router.post("/releases/{release_id}/withdraw")
async def withdraw_release(tx: Tx, caller: TeamMember, once: OnceKey, release_id: UUID) -> schemas.Release:
    """Withdraw a release from review, or one that is approved and not yet published.

    It becomes a draft again.
    """
    return await once.do(tx, caller, service.withdraw_release(tx, caller, release_id))


@router.post("/releases/{release_id}/approve")
async def approve_release(
    stored: Stored,
    tx: Tx,
    caller: Reviewer,
    once: OnceKey,
    release_id: UUID,
    body: Approval | None = None,
    if_match: IfMatch = None,
) -> schemas.Release:
    """Approve a submitted release, with the whole checklist.

    The platform signs its package. It is published at once unless the team holds it back.
    """
    await stored.require_as_uploaded(release_id)
    work = service.approve_release(tx, caller, stored.signer, release_id, body or Approval(), if_match)
    return await once.do(tx, caller, work)


@router.post("/releases/{release_id}/reject")
async def reject_release(
    tx: Tx, caller: Reviewer, once: OnceKey, release_id: UUID, body: Rejection, if_match: IfMatch = None
) -> schemas.Release:
    """Reject a release, with reasons and the place of each."""
    return await once.do(tx, caller, service.reject_release(tx, caller, release_id, body.reasons, if_match))


@router.post("/releases/{release_id}/publish")
async def publish_release(
    stored: Stored, tx: Tx, caller: TeamMember, once: OnceKey, release_id: UUID
) -> schemas.Release:
    """Publish a release that was approved and held back, or one that is gray."""
    await stored.require_as_uploaded(release_id)
    return await once.do(tx, caller, service.publish_release(tx, caller, release_id))


@router.post("/releases/{release_id}/roll-back")
async def roll_back_to_release(
    stored: Stored, tx: Tx, caller: TeamMember, once: OnceKey, release_id: UUID
) -> schemas.Release:
    """Publish again one of the last five releases that residents had."""
    await stored.require_as_uploaded(release_id)
    return await once.do(tx, caller, roll_back(tx, caller, release_id))
