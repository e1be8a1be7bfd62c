from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.etags import IfMatch
from svc_services.cases.applications import schemas, service
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.applications.numbers import CaseNumber
from svc_services.cases.applications.presenters import shown, summary, tagged
from svc_services.cases.data_reads.service import record_read
from svc_services.cases.workflows.definition import Actor
from svc_services.providers.connections.queries import locked_caller

router = APIRouter(prefix="/services/v1/received-applications", tags=["applications"])
ProviderSystem = Annotated[Caller, Depends(allow(scope="accounts:write"))]
_PROVIDER = frozenset({Actor.PROVIDER})


@router.get("")
async def list_received_applications(
    tx: ReadTx, caller: ProviderSystem, page: PageQuery, case_number: CaseNumber | None = None
) -> Page[schemas.ApplicationSummary]:
    """List the open cases of the provider, oldest first; with `case_number` the case that has it, also an ended one."""
    query = select(Application).where(Application.provider_id == caller.id)
    if case_number:
        query = query.where(Application.case_number == case_number)
    else:
        query = query.where(Application.status == CaseStatus.OPEN)
    return await page_of(tx, query, page, Application.id, summary)


@router.get("/{application_id}")
async def get_received_application(
    tx: Tx, caller: ProviderSystem, response: Response, application_id: UUID
) -> schemas.Application:
    """Get a case of the provider with its form and steps."""
    case = await service.of_provider(tx, caller.id, application_id)
    return tagged(response, await read_received(tx, caller, case))


@router.post("/{application_id}/actions")
async def take_provider_action(
    tx: Tx,
    caller: ProviderSystem,
    response: Response,
    once: OnceKey,
    application_id: UUID,
    body: schemas.WantedAction,
    if_match: IfMatch = None,
) -> schemas.Application:
    """Take a step of a case, such as an appointment, a quote or the activation."""

    async def act() -> schemas.Application:
        await locked_caller(tx, caller.id, read=True)
        case = await service.act_as_provider(tx, caller.id, application_id, body, if_match)
        return await read_received(tx, caller, case)

    return tagged(response, await once.do(tx, caller, act()))


async def read_received(tx: AsyncSession, caller: Caller, case: Application) -> schemas.Application:
    """The file of a case as its provider sees it; the applicant sees that it was read."""
    await record_read(tx, caller, case)
    return await shown(tx, case, _PROVIDER)
