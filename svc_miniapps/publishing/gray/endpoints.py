from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from svc_miniapps.members import TeamMember, TeamMemberOrReviewer
from svc_miniapps.publishing.gray import schemas, steps
from svc_miniapps.publishing.releases.integrity import Stored
from svc_miniapps.publishing.releases.schemas import Release

router = APIRouter(prefix="/miniapps/v1", tags=["releases"])


@router.get("/releases/{release_id}/gray")
async def get_gray_release(tx: ReadTx, caller: TeamMemberOrReviewer, release_id: UUID) -> schemas.GrayRelease:
    """Get the stage of a gray release, also of one that has ended."""
    return await steps.get_gray(tx, caller, release_id)


@router.post("/releases/{release_id}/gray")
async def start_gray_release(
    stored: Stored, tx: Tx, caller: TeamMember, once: OnceKey, release_id: UUID
) -> schemas.GrayRelease:
    """Start a gray release: the app's testers get an approved release, everybody else the published one.

    It ends published or withdrawn within 15 days. Until then the app has no other release and no rollback.
    """
    await stored.require_as_uploaded(release_id)
    return await once.do(tx, caller, steps.start_gray(tx, caller, release_id))


@router.post("/releases/{release_id}/gray/widen")
async def widen_gray_release(
    tx: Tx, caller: TeamMember, once: OnceKey, release_id: UUID, body: schemas.Widening
) -> schemas.GrayRelease:
    """Extend a gray release to a division, or to a higher percentage of all persons."""
    return await once.do(tx, caller, steps.widen_gray(tx, caller, release_id, body))


@router.post("/releases/{release_id}/gray/withdraw")
async def withdraw_gray_release(tx: Tx, caller: TeamMember, once: OnceKey, release_id: UUID) -> Release:
    """Withdraw a gray release: everybody gets the published one again."""
    return await once.do(tx, caller, steps.withdraw_gray(tx, caller, release_id))
