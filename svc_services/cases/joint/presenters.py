from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from fastapi import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.etags import etag_of
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.applications.presenters import shown as case_shown
from svc_services.cases.applications.presenters import summary as case_summary
from svc_services.cases.joint import schemas
from svc_services.cases.joint import survey as surveys
from svc_services.cases.joint.form import JointForm, labels_of
from svc_services.cases.joint.models import JointApplication, JointBranch, JointStatus
from svc_services.cases.joint.queries import branch_of, branches_of, newest_workflows
from svc_services.cases.joint.service import newest_result
from svc_services.cases.joint.texts import WHY_NO_DAY
from svc_services.cases.workflows.definition import Actor
from svc_services.cases.workflows.models import Workflow
from svc_services.providers.applications.models import Provider

_SUMMARY = ("division_code", "status", "version", "created_at", "submitted_at", "ended_at")
_CITIZEN = frozenset({Actor.CITIZEN})
Shown = TypeVar("Shown", bound=schemas.JointApplicationSummary)


def summary(joint: JointApplication) -> schemas.JointApplicationSummary:
    same = {name: getattr(joint, name) for name in _SUMMARY}
    return schemas.JointApplicationSummary(joint_application_id=joint.id, **same)


def tagged(response: Response, joint: Shown) -> Shown:
    """A joint application with its ETag, which the next change names."""
    response.headers["ETag"] = etag_of(joint.version)
    return joint


async def shown(tx: AsyncSession, joint: JointApplication) -> schemas.JointApplication:
    """A joint application as its applicant sees it."""
    branches = await branches_of(tx, joint.id)
    cases, providers = await _cases_of(tx, branches), await _providers_of(tx, branches)
    draft = joint.status == JointStatus.DRAFT
    workflows = await newest_workflows(tx, branches) if draft else {}
    views = [
        schemas.JointBranch(
            **_branch(branch, providers),
            account_number=cases[branch.position].account_number if cases else branch.account_number,
            application=await case_shown(tx, cases[branch.position], _CITIZEN) if cases else None,
        )
        for branch in branches
    ]
    fees = [each.application.fee for each in views if each.application and each.application.fee]
    return schemas.JointApplication(
        **summary(joint).model_dump(),
        branches=views,
        promised_on=_promised(cases.values()),
        fees_due_fen=sum(fee.amount_fen for fee in fees if fee.status == "unpaid" and not fee.withdrawn),
        survey=await _survey(tx, joint, branches),
        result=await _result(tx, joint, cases, providers),
        form=schemas.JointForm(**joint.form),
        form_schema=JointForm.of(workflows).schema if draft else None,
        material_ids=joint.material_ids,
        wanted_materials=_wanted_materials(workflows),
        labels=labels_of(workflows),
    )


async def shown_to_provider(
    tx: AsyncSession, joint: JointApplication, provider: Provider
) -> schemas.ReceivedJointApplication:
    branches, own = await branches_of(tx, joint.id), await branch_of(tx, joint.id, provider.id)
    cases, providers = await _cases_of(tx, branches), await _providers_of(tx, branches)
    answers = await surveys.answers_of(tx, joint.id)
    survey = await _survey(tx, joint, branches)
    if survey:  # which company has not answered yet is the applicant's business
        survey.answered = [own.position] if own.provider_id in answers else []
    return schemas.ReceivedJointApplication(
        **summary(joint).model_dump(),
        application_id=cases[own.position].id,
        branches=[
            schemas.ReceivedBranch(**_branch(branch, providers), open=cases[branch.position].status == CaseStatus.OPEN)
            for branch in branches
        ],
        survey=survey,
        own_days=answers.get(own.provider_id),
    )


async def shown_to_staff(tx: AsyncSession, joint: JointApplication) -> schemas.FiledJointApplication:
    branches = await branches_of(tx, joint.id)
    cases, providers = await _cases_of(tx, branches), await _providers_of(tx, branches)
    return schemas.FiledJointApplication(
        **summary(joint).model_dump(),
        branches=[
            schemas.FiledBranch(
                position=branch.position,
                provider_name=providers[branch.position].name,
                application=case_summary(cases[branch.position]),
            )
            for branch in branches
        ],
        promised_on=_promised(cases.values()),
        survey=await _survey(tx, joint, branches),
        result=await _result(tx, joint, cases, providers),
    )


async def _cases_of(tx: AsyncSession, branches: Sequence[JointBranch]) -> dict[int, Application]:
    ids = {each.application_id: each.position for each in branches if each.application_id}
    query = select(Application).where(Application.id.in_(ids))
    return {ids[case.id]: case for case in (await tx.scalars(query)).all()}


async def _providers_of(tx: AsyncSession, branches: Sequence[JointBranch]) -> dict[int, Provider]:
    return {branch.position: await tx.get_one(Provider, branch.provider_id) for branch in branches}


def _branch(branch: JointBranch, providers: Mapping[int, Provider]) -> dict[str, object]:
    provider = providers[branch.position]
    same = {name: getattr(branch, name) for name in ("position", "provider_id", "kind")}
    return {**same, "provider_name": provider.name, "utility_kind": provider.kind}


def _promised(cases: Iterable[Application]) -> date | None:
    """The latest day of the open branches; none while the clock of one stands."""
    days = [case.promised_on if case.clock_runs else None for case in cases if case.status == CaseStatus.OPEN]
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


async def _survey(
    tx: AsyncSession, joint: JointApplication, branches: Sequence[JointBranch]
) -> schemas.JointSurvey | None:
    survey = await surveys.survey_of(tx, joint.id)
    if survey is None:
        return None
    answers = await surveys.answers_of(tx, joint.id)
    same = {name: getattr(survey, name) for name in ("status", "days", "due_on", "agreed_on", "failure")}
    answered = [branch.position for branch in branches if branch.provider_id in answers]
    note = WHY_NO_DAY[survey.failure] if survey.failure else None
    return schemas.JointSurvey(answered=answered, note=note, **same)


async def _result(
    tx: AsyncSession, joint: JointApplication, cases: Mapping[int, Application], providers: Mapping[int, Provider]
) -> schemas.JointResult | None:
    result = await newest_result(tx, joint.id) if joint.status == JointStatus.ENDED else None
    if result is None:
        return None
    branches = []
    for ended in result.branches:
        case, provider = cases[ended["position"]], providers[ended["position"]]
        rules = (await tx.get_one(Workflow, case.workflow_id)).rules
        branches.append(
            schemas.BranchResult(
                position=ended["position"],
                provider_name=provider.name,
                utility_kind=provider.kind,
                application_id=case.id,
                state=ended["state"],
                result=rules.labels[ended["state"]],
            )
        )
    return schemas.JointResult(edition=result.edition, branches=branches, decided_at=result.decided_at)


def _wanted_materials(workflows: Mapping[int, Workflow]) -> list[schemas.WantedMaterial]:
    wanted: dict[str, schemas.WantedMaterial] = {}
    for position, workflow in workflows.items():
        for material in workflow.rules.materials:
            shared = wanted.setdefault(
                material.kind, schemas.WantedMaterial(kind=material.kind, required=False, positions=[])
            )
            shared.required = shared.required or material.required
            shared.positions.append(position)
    return list(wanted.values())
