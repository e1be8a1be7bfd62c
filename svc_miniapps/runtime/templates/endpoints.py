from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import Reviewer, TeamMember, TeamMemberOrReviewer
from svc_miniapps.runtime.templates import schemas, service
from svc_miniapps.runtime.templates.models import TemplateStatus

router = APIRouter(prefix="/miniapps/v1", tags=["messages"])


@router.post("/apps/{app_id}/message-templates", status_code=201)
async def submit_message_template(
    tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, body: schemas.NewTemplate
) -> schemas.MessageTemplate:
    """Submit a template of messages that a mini-app of the caller's team sends residents.

    A reviewer of another organisation decides. An approved template is never changed; another one takes its place.
    """
    return await once.do(tx, caller, service.submit_template(tx, caller, app_id, body))


@router.get("/apps/{app_id}/message-templates")
async def list_message_templates_of_app(
    tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID
) -> Page[schemas.MessageTemplate]:
    """List the message templates of a mini-app of the caller's team, newest first."""
    return await service.templates_of(tx, caller, app_id, page)


@router.get("/message-templates")
async def list_message_templates(
    tx: ReadTx, caller: Reviewer, page: PageQuery, status: TemplateStatus = TemplateStatus.WAITING
) -> Page[schemas.MessageTemplate]:
    """List message templates of other organisations' mini-apps, oldest first."""
    return await service.list_templates(tx, caller, status, page)


@router.post("/message-templates/{template_id}/approve")
async def approve_message_template(
    tx: Tx, caller: Reviewer, once: OnceKey, template_id: UUID
) -> schemas.MessageTemplate:
    """Approve a message template: residents can agree to it from now on."""
    return await once.do(tx, caller, service.approve_template(tx, caller, template_id))


@router.post("/message-templates/{template_id}/reject")
async def reject_message_template(
    tx: Tx, caller: Reviewer, once: OnceKey, template_id: UUID, body: schemas.TemplateRejection
) -> schemas.MessageTemplate:
    """Reject a message template with a reason."""
    return await once.do(tx, caller, service.reject_template(tx, caller, template_id, body.reason))


@router.post("/message-templates/{template_id}/withdraw")
async def withdraw_message_template(
    tx: Tx, caller: TeamMember, once: OnceKey, template_id: UUID
) -> schemas.MessageTemplate:
    """Withdraw a message template of the caller's team that waits for a reviewer."""
    return await once.do(tx, caller, service.withdraw_template(tx, caller, template_id))


@router.post("/message-templates/{template_id}/retire")
async def retire_message_template(
    tx: Tx, caller: TeamMemberOrReviewer, once: OnceKey, template_id: UUID
) -> schemas.MessageTemplate:
    """End an approved message template at once, as its team or as one reviewer."""
    return await once.do(tx, caller, service.retire_template(tx, caller, template_id))
