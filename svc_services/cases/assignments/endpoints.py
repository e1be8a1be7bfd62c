from uuid import UUID

from fastapi import APIRouter, Response

from chassis.db import Tx
from chassis.idempotency import OnceKey
from svc_services.callers import Operator
from svc_services.cases.applications.presenters import tagged
from svc_services.cases.applications.schemas import Application
from svc_services.cases.assignments import schemas, service
from svc_services.cases.queue.endpoints import read_case

router = APIRouter(prefix="/services/v1/application-queue", tags=["applications"])


@router.post("/{application_id}/assign")
async def assign_case(
    tx: Tx, caller: Operator, response: Response, once: OnceKey, application_id: UUID, body: schemas.WantedAssignment
) -> Application:
    """Assign a case to a clerk of its division, who alone claims it from then on."""

    async def assign() -> Application:
        return await read_case(tx, caller, await service.assign(tx, caller, application_id, body.clerk_id))

    return tagged(response, await once.do(tx, caller, assign()))
