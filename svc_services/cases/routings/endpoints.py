from uuid import UUID

from fastapi import APIRouter, Response

from chassis.db import Tx
from chassis.idempotency import OnceKey
from kit.etags import IfMatch
from svc_services.cases.applications.presenters import tagged
from svc_services.cases.applications.schemas import Application
from svc_services.cases.queue.endpoints import Staff, read_case
from svc_services.cases.routings import schemas, service

router = APIRouter(prefix="/services/v1/application-queue", tags=["applications"])


@router.post("/{application_id}/route")
async def route_case(
    tx: Tx,
    caller: Staff,
    response: Response,
    once: OnceKey,
    application_id: UUID,
    body: schemas.WantedRouting,
    if_match: IfMatch = None,
) -> Application:
    """Route a claimed case to the division or provider that it belongs to; the days that it has used stay."""

    async def route() -> Application:
        return await read_case(tx, caller, await service.route(tx, caller, application_id, body, if_match))

    return tagged(response, await once.do(tx, caller, route()))
