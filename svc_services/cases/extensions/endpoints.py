from uuid import UUID

from fastapi import APIRouter, Response

from chassis.db import Tx
from chassis.idempotency import OnceKey
from kit.etags import IfMatch
from svc_services.callers import Operator
from svc_services.cases.applications.presenters import tagged
from svc_services.cases.applications.schemas import Application
from svc_services.cases.extensions import schemas, service
from svc_services.cases.queue.endpoints import read_case
from svc_services.cases.received.endpoints import ProviderSystem, read_received
from svc_services.providers.connections.queries import locked_caller

router = APIRouter(prefix="/services/v1", tags=["applications"])


@router.post("/application-queue/{application_id}/extend")
async def extend_case(
    tx: Tx,
    caller: Operator,
    response: Response,
    once: OnceKey,
    application_id: UUID,
    body: schemas.WantedExtension,
    if_match: IfMatch = None,
) -> Application:
    """Extend the promise of a case that an office has, once; there is a paper of it with the reason."""

    async def extend() -> Application:
        case = await service.extend_as_operator(tx, caller, application_id, body, if_match)
        return await read_case(tx, caller, case)

    return tagged(response, await once.do(tx, caller, extend()))


@router.post("/received-applications/{application_id}/extend")
async def extend_received_application(
    tx: Tx,
    caller: ProviderSystem,
    response: Response,
    once: OnceKey,
    application_id: UUID,
    body: schemas.WantedExtension,
    if_match: IfMatch = None,
) -> Application:
    """Extend the promise of a case that the provider has, once; there is a paper of it with the reason."""

    async def extend() -> Application:
        await locked_caller(tx, caller.id, read=True)
        case = await service.extend_as_provider(tx, caller.id, application_id, body, if_match)
        return await read_received(tx, caller, case)

    return tagged(response, await once.do(tx, caller, extend()))
