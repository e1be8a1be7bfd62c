from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import aliased

from chassis.auth import Caller, allow, anyone
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.etags import NOT_MODIFIED, cacheable
from kit.staff.reach import allow_of_whole
from svc_services.callers import AUDITOR, OPERATOR
from svc_services.cases.workflows import schemas, service
from svc_services.cases.workflows.models import ApplicationKind, Workflow, WorkflowStatus
from svc_services.reference.models import UtilityKind

router = APIRouter(prefix="/services/v1", tags=["workflows"])
Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role=OPERATOR))]
Reader = Annotated[Caller, Depends(allow(scope="staff", role=(OPERATOR, AUDITOR)))]
_public = [
    Depends(anyone(because="what is asked of an applicant, and in which steps it is decided, is public")),
]
_MINUTE = 60


@router.get("/workflows", dependencies=_public, response_model=Page[schemas.Workflow], responses=NOT_MODIFIED)
async def list_workflows(
    request: Request,
    tx: ReadTx,
    page: PageQuery,
    utility_kind: UtilityKind | None = None,
    application_kind: ApplicationKind | None = None,
) -> Response:
    """List the workflows by which applications are filed now, with their forms."""
    later = aliased(Workflow)
    superseded = select(later.id).where(
        later.utility_kind == Workflow.utility_kind,
        later.application_kind == Workflow.application_kind,
        later.version > Workflow.version,
    )
    query = select(Workflow).where(Workflow.version.is_not(None), ~superseded.exists())
    if utility_kind:
        query = query.where(Workflow.utility_kind == utility_kind)
    if application_kind:
        query = query.where(Workflow.application_kind == application_kind)
    return cacheable(request, await page_of(tx, query, page, Workflow.id, service.shown), seconds=_MINUTE)


@router.get("/workflows/{workflow_id}", dependencies=_public, response_model=schemas.Workflow, responses=NOT_MODIFIED)
async def get_workflow(request: Request, tx: ReadTx, workflow_id: UUID) -> Response:
    """Get a published workflow, also an earlier version by which cases run."""
    return cacheable(request, await service.published(tx, workflow_id), seconds=_MINUTE)


@router.post("/workflow-proposals", status_code=201, openapi_extra={"x-max-body-bytes": 131_072})
async def propose_workflow(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewWorkflow
) -> schemas.WorkflowProposal:
    """Propose the next version of a workflow.

    Another operator publishes it. One in which a case could get lost is refused with the place of the fault.
    """
    return await once.do(tx, caller, service.propose(tx, caller.id, body))


@router.get("/workflow-proposals")
async def list_workflow_proposals(
    tx: ReadTx, _caller: Reader, page: PageQuery, status: WorkflowStatus | None = None
) -> Page[schemas.WorkflowProposal]:
    """List proposed and decided workflows, newest first."""
    query = select(Workflow)
    if status:
        query = query.where(Workflow.status == status)
    return await page_of(tx, query, page, Workflow.id, service.proposal, newest_first=True)


@router.post("/workflow-proposals/{workflow_id}/publish")
async def publish_workflow(tx: Tx, caller: Operator, once: OnceKey, workflow_id: UUID) -> schemas.WorkflowProposal:
    """Publish another operator's proposal; what is filed from now on follows it."""
    return await once.do(tx, caller, service.publish(tx, caller, workflow_id))


@router.post("/workflow-proposals/{workflow_id}/reject")
async def reject_workflow(tx: Tx, caller: Operator, once: OnceKey, workflow_id: UUID) -> schemas.WorkflowProposal:
    """Reject a proposal, or withdraw one's own."""
    return await once.do(tx, caller, service.reject(tx, caller, workflow_id))
