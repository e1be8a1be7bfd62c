from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.etags import IfMatch
from kit.staff.reach import divisions_of
from svc_services.cases.applications import schemas, service
from svc_services.cases.applications.models import Application, CaseStatus, Flag
from svc_services.cases.applications.numbers import CaseNumber
from svc_services.cases.applications.presenters import shown, staff_summary, tagged
from svc_services.cases.data_reads.service import record_read
from svc_services.cases.workflows.definition import STAFF, Actor
from svc_services.cases.workflows.models import ApplicationKind

router = APIRouter(prefix="/services/v1/application-queue", tags=["applications"])
Staff = Annotated[Caller, Depends(allow(scope="staff", role=(Actor.CLERK.value, Actor.OPERATOR.value)))]


async def _wanted(
    flag: Flag | None = None,
    provider_id: UUID | None = None,
    kind: ApplicationKind | None = None,
    assigned_to: UUID | None = None,
    case_number: CaseNumber | None = None,
) -> list[ColumnElement[bool]]:
    wanted = {
        Application.flag: flag,
        Application.provider_id: provider_id,
        Application.kind: kind,
        Application.assigned_to: assigned_to,
        Application.case_number: case_number,
    }
    given = (column == value for column, value in wanted.items() if value is not None)
    open_or_found = Application.status != CaseStatus.DRAFT if case_number else Application.status == CaseStatus.OPEN
    return [open_or_found, *given]


@router.get("")
async def list_queue(
    tx: ReadTx, caller: Staff, page: PageQuery, wanted: Annotated[list[ColumnElement[bool]], Depends(_wanted)]
) -> Page[schemas.ApplicationSummary]:
    """List the open cases of one's divisions, oldest first; with `case_number`, that case, also an ended one."""
    query = select(Application).where(*wanted)
    if (divisions := divisions_of(caller, *STAFF)) is not None:
        query = query.where(Application.division_code.in_(sorted(divisions)))
    return await page_of(tx, query, page, Application.id, staff_summary)


@router.get("/{application_id}")
async def get_case(tx: Tx, caller: Staff, response: Response, application_id: UUID) -> schemas.Application:
    """Get a case of one's divisions with its form and steps."""
    case = await service.of_staff(tx, caller, application_id)
    return tagged(response, await read_case(tx, caller, case))


@router.post("/{application_id}/claim")
async def claim_case(
    tx: Tx, caller: Staff, response: Response, once: OnceKey, application_id: UUID
) -> schemas.Application:
    """Claim a case for half an hour, in which nobody else decides it."""

    async def claim() -> schemas.Application:
        return await read_case(tx, caller, await service.claim(tx, caller, application_id))

    return tagged(response, await once.do(tx, caller, claim()))


@router.post("/{application_id}/release")
async def release_case(
    tx: Tx, caller: Staff, response: Response, once: OnceKey, application_id: UUID
) -> schemas.Application:
    """Withdraw one's claim; an operator also withdraws a clerk's."""

    async def release() -> schemas.Application:
        return await read_case(tx, caller, await service.release(tx, caller, application_id))

    return tagged(response, await once.do(tx, caller, release()))


@router.post("/{application_id}/actions")
async def decide_case(
    tx: Tx,
    caller: Staff,
    response: Response,
    once: OnceKey,
    application_id: UUID,
    body: schemas.WantedAction,
    if_match: IfMatch = None,
) -> schemas.Application:
    """Take a step of a claimed case, such as accepting, refusing or requesting a correction."""

    async def act() -> schemas.Application:
        return await read_case(tx, caller, await service.act_as_staff(tx, caller, application_id, body, if_match))

    return tagged(response, await once.do(tx, caller, act()))


async def read_case(tx: AsyncSession, caller: Caller, case: Application) -> schemas.Application:
    """The file of a case; the applicant sees that it was read."""
    await record_read(tx, caller, case)
    return await shown(tx, case, STAFF)
