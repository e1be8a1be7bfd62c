"""Drafts of applications, and submitting them."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.problems import NotFound
from kit.calendar import today
from kit.etags import IfMatchMissing, etag_of, require_unchanged
from kit.fields.divisions import WHOLE
from svc_services.accounts.bindings.queries import is_holder
from svc_services.accounts.bindings.service import ProviderSuspended, UnknownProvider
from svc_services.accounts.premises.models import comparable
from svc_services.base import lock
from svc_services.cases.applications import engine, schemas
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus
from svc_services.cases.applications.refusals import (
    AccountNeeded,
    AccountNotYours,
    AlreadySubmitted,
    FiledAlready,
    NoAccountWanted,
    NotServedThere,
    NoWorkflow,
    TooManyDrafts,
    TooManyOpen,
)
from svc_services.cases.materials.attached import require_materials
from svc_services.cases.workflows.definition import SUBMIT, AccountRule, Actor
from svc_services.cases.workflows.forms import require_complete, require_types
from svc_services.cases.workflows.models import ApplicationKind, Workflow
from svc_services.cases.workflows.service import newest_of
from svc_services.providers.applications.models import Provider
from svc_services.reference.service import require_divisions

MOST_DRAFTS = 20
MOST_OPEN_ALIKE = 10
"""Open cases of one person, of one kind, at one company: whoever has several houses has several connections."""


async def create(tx: AsyncSession, person_id: UUID, new: schemas.NewApplication) -> Application:
    """Begin a draft by the workflow that is in force."""
    await lock(tx, "drafts of", person_id)
    drafts = select(func.count()).where(Application.person_id == person_id, Application.status == CaseStatus.DRAFT)
    if (await tx.scalar(drafts) or 0) >= MOST_DRAFTS:
        raise TooManyDrafts(most=MOST_DRAFTS)
    return await begin(tx, person_id, new)


async def begin(tx: AsyncSession, person_id: UUID, new: schemas.NewApplication) -> Application:
    """Keep a draft, without a look at how many there are."""
    await require_divisions(tx, [new.division_code])
    workflow = await workflow_for(tx, new.provider_id, new.kind, new.division_code)
    require_types(workflow.form, new.form)
    draft = Application(
        person_id=person_id, workflow_id=workflow.id, version=1, status=CaseStatus.DRAFT, **new.model_dump()
    )
    await require_account(tx, draft, workflow.rules.account)
    tx.add(draft)
    await tx.flush()
    return draft


async def save(
    tx: AsyncSession, person_id: UUID, application_id: UUID, form: dict[str, Any], if_match: str | None
) -> Application:
    """Save what is filled in so far; types are checked, what is required may come later."""
    draft = await _draft(tx, person_id, application_id, if_match)
    workflow = await workflow_for(tx, draft.provider_id, draft.kind, draft.division_code)
    require_types(workflow.form, form)
    draft.form, draft.workflow_id, draft.version = form, workflow.id, draft.version + 1
    await tx.flush()
    return draft


async def remove(tx: AsyncSession, person_id: UUID, application_id: UUID, if_match: str | None) -> None:
    await tx.delete(await _draft(tx, person_id, application_id, if_match))


async def submit(tx: AsyncSession, person_id: UUID, application_id: UUID, if_match: str | None) -> Application:
    """Submit a draft: from now on it is a case, by the workflow that is in force today.

    Raises:
        FormRefused: the form is not complete.
        MaterialsMissing: a material that the workflow needs is not attached.
        OpenAlready: the account has an open case of the kind.
    """
    case = await _draft(tx, person_id, application_id, if_match)
    await file(tx, case)
    return case


async def file(tx: AsyncSession, case: Application) -> None:
    """Make a draft a case; its row is locked, or nobody else knows it yet.

    Raises:
        FiledAlready, TooManyOpen, and what `submit` raises
    """
    await _require_few(tx, case)
    workflow = await workflow_for(tx, case.provider_id, case.kind, case.division_code)
    rules = workflow.rules
    await require_account(tx, case, rules.account)
    require_complete(workflow.form, case.form)
    await require_materials(tx, case, rules)
    case.workflow_id, case.submitted_at, case.counted_to = workflow.id, now(), today()
    case.consumed_days, case.state_days = 0, {}
    step = ApplicationStep(
        application_id=case.id, action=SUBMIT, actor=Actor.CITIZEN, actor_id=case.person_id, taken_at=now()
    )
    await engine.advance(tx, case, rules, rules.start, step)


async def _require_few(tx: AsyncSession, case: Application) -> None:
    """Refuse what the person has open already: at the same account, or without one at the same address.

    Raises:
        FiledAlready, TooManyOpen
    """
    await lock(tx, "open cases of", case.person_id)
    alike = select(Application).where(
        Application.person_id == case.person_id,
        Application.provider_id == case.provider_id,
        Application.kind == case.kind,
        Application.status == CaseStatus.OPEN,
    )
    mine = (await tx.scalars(alike.limit(MOST_OPEN_ALIKE))).all()
    if same := next((each for each in mine if _place(each) == _place(case)), None):
        raise FiledAlready(kind=str(case.kind), case_number=same.case_number, application_id=str(same.id))
    if len(mine) >= MOST_OPEN_ALIKE:
        raise TooManyOpen(most=MOST_OPEN_ALIKE)


def _place(case: Application) -> tuple[str, str]:
    """What an application is for: its account, or the address in its form."""
    if case.account_number is not None:
        return case.account_number, ""
    return case.division_code, comparable(str(case.form.get("address") or ""))


async def _draft(tx: AsyncSession, person_id: UUID, application_id: UUID, if_match: str | None) -> Application:
    """The caller's own draft, locked and as they read it.

    Raises:
        AlreadySubmitted: it is a case by now.
        IfMatchMissing, EditedMeanwhile
    """
    draft = await tx.get(Application, application_id, with_for_update=True)
    if draft is None or draft.person_id != person_id:
        raise NotFound
    if draft.status != CaseStatus.DRAFT:
        raise AlreadySubmitted
    if if_match is None:
        raise IfMatchMissing
    require_unchanged(if_match, etag_of(draft.version))
    return draft


async def serving(tx: AsyncSession, provider_id: UUID, division_code: str) -> Provider:
    """A provider that takes applications of a division.

    Raises:
        UnknownProvider, ProviderSuspended, NotServedThere
    """
    # The lock lets a suspension that is being committed hold for this application too.
    provider = await tx.get(Provider, provider_id, with_for_update={"read": True})
    if provider is None:
        raise UnknownProvider
    if provider.suspended_at is not None:
        raise ProviderSuspended
    if division_code == WHOLE or not {division_code, WHOLE} & set(provider.division_codes):
        raise NotServedThere(division_code=division_code)
    return provider


async def workflow_for(tx: AsyncSession, provider_id: UUID, kind: ApplicationKind, division_code: str) -> Workflow:
    """The workflow that is in force for an application.

    Raises:
        UnknownProvider, ProviderSuspended, NotServedThere, NoWorkflow
    """
    provider = await serving(tx, provider_id, division_code)
    workflow = await newest_of(tx, provider.kind, kind)
    if workflow is None:
        raise NoWorkflow(kind=str(kind))
    return workflow


async def require_account(tx: AsyncSession, case: Application, rule: AccountRule) -> None:
    require_account_rule(case.account_number, rule)
    number = case.account_number
    if number is not None and not await is_holder(tx, case.person_id, case.provider_id, number):
        raise AccountNotYours


def require_account_rule(account_number: str | None, rule: AccountRule) -> None:
    """Refuse an application with an account where none is wanted, or without one.

    Raises:
        AccountNeeded, NoAccountWanted
    """
    if account_number is None and rule == AccountRule.BOUND:
        raise AccountNeeded
    if account_number is not None and rule == AccountRule.NONE:
        raise NoAccountWanted
