from uuid import UUID

from fastapi import APIRouter

from chassis.db import Transactions
from svc_miniapps.members import TeamMemberOrReviewer
from svc_miniapps.packages.store import Store
from svc_miniapps.publishing.differences import schemas, service

router = APIRouter(prefix="/miniapps/v1", tags=["reviews"])


@router.get("/releases/{release_id}/difference")
async def get_difference(
    transactions: Transactions, objects: Store, caller: TeamMemberOrReviewer, release_id: UUID
) -> schemas.Difference:
    """Get what a release changes of the published version: files, pages, permissions and domains."""
    return await service.difference_of(transactions, objects, caller, release_id)
