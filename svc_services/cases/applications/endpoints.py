from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.etags import IfMatch
from svc_services.cases.applications import drafts, schemas, service
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.applications.numbers import CaseNumber
from svc_services.cases.applications.presenters import shown, summary, tagged
from svc_services.cases.workflows.definition import Actor

router = APIRouter(prefix="/services/v1/applications", tags=["applications"])
Applicant = Annotated[Caller, Depends(allow(scope="applications", assurance_level=2))]
_FORM = {"x-max-body-bytes": 131_072}
_CITIZEN = frozenset({Actor.CITIZEN})


@router.post("", status_code=201, openapi_extra=_FORM)
async def create_application(
    tx: Tx, caller: Applicant, response: Response, once: OnceKey, body: schemas.NewApplication
) -> schemas.Application:
    """Begin an application as a draft."""

    async def create() -> schemas.Application:
        return await shown(tx, await drafts.create(tx, caller.id, body), _CITIZEN)

    return tagged(response, await once.do(tx, caller, create()))


@router.get("")
async def list_applications(
    tx: ReadTx,
    caller: Applicant,
    page: PageQuery,
    status: CaseStatus | None = None,
    case_number: CaseNumber | None = None,
) -> Page[schemas.ApplicationSummary]:
    """List one's own applications, newest first."""
    query = select(Application).where(Application.person_id == caller.id)
    if status:
        query = query.where(Application.status == status)
    if case_number:
        query = query.where(Application.case_number == case_number)
    return await page_of(tx, query, page, Application.id, summary, newest_first=True)


@router.get("/{application_id}")
async def get_application(
    tx: ReadTx, caller: Applicant, response: Response, application_id: UUID
) -> schemas.Application:
    """Get one's own application: each step, who has it now, and the promised day."""
    case = await service.own(tx, caller.id, application_id)
    return tagged(response, await shown(tx, case, _CITIZEN))


@router.put("/{application_id}/form", openapi_extra=_FORM)
async def save_draft(
    tx: Tx,
    caller: Applicant,
    response: Response,
    application_id: UUID,
    body: schemas.DraftForm,
    if_match: IfMatch = None,
) -> schemas.Application:
    """Change what is filled in so far; `If-Match` names the version that was read.

    Types are checked, required fields may be missing. A submitted application is not changed.
    """
    draft = await drafts.save(tx, caller.id, application_id, body.form, if_match)
    return tagged(response, await shown(tx, draft, _CITIZEN))


@router.delete("/{application_id}", status_code=204)
async def remove_draft(tx: Tx, caller: Applicant, application_id: UUID, if_match: IfMatch = None) -> None:
    """Remove a draft."""
    await drafts.remove(tx, caller.id, application_id, if_match)


@router.post("/{application_id}/submit")
async def submit_application(
    tx: Tx, caller: Applicant, response: Response, once: OnceKey, application_id: UUID, if_match: IfMatch = None
) -> schemas.Application:
    """Submit a draft; the form is checked in full, and the promised days begin to count."""

    async def submit() -> schemas.Application:
        return await shown(tx, await drafts.submit(tx, caller.id, application_id, if_match), _CITIZEN)

    return tagged(response, await once.do(tx, caller, submit()))


@router.post("/{application_id}/actions", openapi_extra=_FORM)
async def take_action(
    tx: Tx,
    caller: Applicant,
    response: Response,
    once: OnceKey,
    application_id: UUID,
    body: schemas.WantedAction,
    if_match: IfMatch = None,
) -> schemas.Application:
    """Take a step of one's own application, such as a correction, a withdrawal or an appeal."""

    async def act() -> schemas.Application:
        return await shown(tx, await service.act_as_citizen(tx, caller.id, application_id, body, if_match), _CITIZEN)

    return tagged(response, await once.do(tx, caller, act()))
