from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.db import ReadTx, Tx
from svc_miniapps.members import Operator, TeamMember
from svc_miniapps.runtime.calls import schemas, service
from svc_miniapps.runtime.calls.models import Operation

router = APIRouter(prefix="/miniapps/v1", tags=["calls"])


@router.get("/apps/{app_id}/call-quotas")
async def list_call_quotas(tx: ReadTx, caller: TeamMember, app_id: UUID) -> schemas.CallQuotas:
    """List how often the server of a mini-app may call each operation in a day, and how often it has today."""
    return await service.quotas_of(tx, caller, app_id)


@router.put("/apps/{app_id}/call-quotas/{operation}")
async def set_call_quota(
    tx: Tx, caller: Operator, app_id: UUID, operation: Operation, body: schemas.NewCallQuota
) -> schemas.CallQuota:
    """Set how often the server of a mini-app may call an operation in a day, from now on; 0 stops it."""
    return await service.set_quota(tx, caller, app_id, operation, body)


@router.get("/apps/{app_id}/calls")
async def list_app_calls(
    tx: ReadTx, caller: TeamMember, app_id: UUID, days: Annotated[int, Query(ge=1, le=92)] = 31
) -> schemas.CallFigures:
    """List the calls of a mini-app's server by day and operation, the newest day first."""
    return await service.figures_of(tx, caller, app_id, days)
