"""Templates of messages: a team submits one, a reviewer of another organisation approves it, either side retires it."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import DEFAULT_LANGUAGE, NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.registrations.service import TextsMissing
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.publishing.reviews.service import OwnOrganisation, OwnSubmission
from svc_miniapps.runtime.templates import schemas
from svc_miniapps.runtime.templates.models import MessageTemplate, TemplateStatus

MOST_TEMPLATES = 20
_OPEN = (TemplateStatus.WAITING, TemplateStatus.APPROVED)
_MOVED = SecurityEvent("message_template_moved")


class TooManyTemplates(Problem):
    status, code = 409, "too_many_templates"


async def submit_template(
    tx: AsyncSession, caller: Caller, app_id: UUID, new: schemas.NewTemplate
) -> schemas.MessageTemplate:
    """Submit a template for an app of the caller's team.

    Raises:
        NotFound, TooManyTemplates
        TextsMissing: a language of the app, or Chinese, has no text.
    """
    app = await lock_app(tx, caller, app_id)
    in_use = MessageTemplate.app_id == app.id, MessageTemplate.status.in_(_OPEN)
    if (await tx.scalar(select(func.count()).select_from(MessageTemplate).where(*in_use)) or 0) >= MOST_TEMPLATES:
        raise TooManyTemplates(limit=MOST_TEMPLATES)
    _require_languages(app, new)
    said = new.model_dump(mode="json", include={"fields", "texts", "page"})
    template = MessageTemplate(app=app, submitted_by=caller.id, **said)
    tx.add(template)
    return await _shown(tx, template, caller)


def _require_languages(app: App, new: schemas.NewTemplate) -> None:
    written = {text.language.lower() for text in new.texts}
    missing = [language for language in app.languages if language.lower() not in written]
    if not any(tag.partition("-")[0] == DEFAULT_LANGUAGE for tag in written):
        missing = missing or [DEFAULT_LANGUAGE]
    if missing:
        raise TextsMissing(languages=", ".join(missing))


async def approve_template(tx: AsyncSession, caller: Caller, template_id: UUID) -> schemas.MessageTemplate:
    """Approve a template: residents can agree to it.

    Raises:
        NotFound, IllegalMove
        OwnOrganisation, OwnSubmission: the reviewer has a part in it.
        RoleNotKnownYet, RoleTooNew, NotIndependent: as `require_second_holder`.
    """
    template = await _locked_for_decision(tx, caller, template_id)
    template.decide(TemplateStatus.APPROVED, caller.id)
    return await _shown(tx, template, caller)


async def reject_template(tx: AsyncSession, caller: Caller, template_id: UUID, reason: str) -> schemas.MessageTemplate:
    """Reject a template. Raises as `approve_template` does."""
    template = await _locked_for_decision(tx, caller, template_id)
    template.decide(TemplateStatus.REJECTED, caller.id, reason)
    return await _shown(tx, template, caller)


async def withdraw_template(tx: AsyncSession, caller: Caller, template_id: UUID) -> schemas.MessageTemplate:
    """Withdraw a template of the caller's team that waits.

    Raises:
        NotFound, IllegalMove
    """
    template = await _locked(tx, template_id)
    if not members.is_in_team(caller, template.app.organisation_id, template.app.division_code):
        raise NotFound
    template.decide(TemplateStatus.WITHDRAWN, caller.id)
    return await _shown(tx, template, caller)


async def retire_template(tx: AsyncSession, caller: Caller, template_id: UUID) -> schemas.MessageTemplate:
    """Stop an approved template at once, as its team or as one reviewer; what residents agreed to ends with it.

    Raises:
        NotFound, IllegalMove
    """
    template = await _locked(tx, template_id)
    is_own = members.is_in_team(caller, template.app.organisation_id, template.app.division_code)
    if not (is_own or members.reviews_in(caller, template.app.division_code)):
        raise NotFound
    template.retire(caller.id)
    return await _shown(tx, template, caller)


async def templates_of(
    tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest
) -> Page[schemas.MessageTemplate]:
    app = await get_app(tx, caller, app_id)
    query = select(MessageTemplate).where(MessageTemplate.app_id == app.id)
    return await page_of(tx, query, page, MessageTemplate.id, schemas.MessageTemplate.of, newest_first=True)


async def list_templates(
    tx: AsyncSession, caller: Caller, status: TemplateStatus, page: PageRequest
) -> Page[schemas.MessageTemplate]:
    """The templates that this reviewer may decide or could have decided."""
    query = select(MessageTemplate).join(App, App.id == MessageTemplate.app_id)
    query = query.where(
        MessageTemplate.status == status, members.reviewable(caller, App.organisation_id, App.division_code)
    )
    return await page_of(tx, query, page, MessageTemplate.id, schemas.MessageTemplate.of)


async def _locked(tx: AsyncSession, template_id: UUID) -> MessageTemplate:
    template = await tx.scalar(
        select(MessageTemplate).where(MessageTemplate.id == template_id).with_for_update(of=MessageTemplate)
    )
    if template is None:
        raise NotFound
    return template


async def _locked_for_decision(tx: AsyncSession, caller: Caller, template_id: UUID) -> MessageTemplate:
    template = await _locked(tx, template_id)
    if members.belongs_to(caller, template.app.organisation_id):
        raise OwnOrganisation
    within = [template.app.division_code]
    members.reviewer_of(caller, template.app.division_code)
    author = template.submitted_by
    await require_second_holder(
        tx, caller, author, role=members.REVIEWER, first_role=members.TEAM, within=within, refusal=OwnSubmission
    )
    return template


async def _shown(tx: AsyncSession, template: MessageTemplate, caller: Caller) -> schemas.MessageTemplate:
    await tx.flush()
    about = {"template_id": template.id, "app_id": template.app_id, "moved_by": caller.id}
    record_on_commit(tx, _MOVED, str(template.status), **about)
    return schemas.MessageTemplate.of(template)
