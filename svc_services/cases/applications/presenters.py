from collections.abc import Collection, Sequence

from fastapi import Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.etags import etag_of
from kit.fields.labels import Label
from svc_services.calendar.changes.models import CalendarChange
from svc_services.calendar.days.notes import BY_WEEKDAYS
from svc_services.cases.applications import engine, schemas
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus, PromiseMove
from svc_services.cases.case_migrations.models import CaseMigration
from svc_services.cases.case_migrations.versions import versions_of
from svc_services.cases.fees import service as fees
from svc_services.cases.fees.models import ApplicationFee
from svc_services.cases.materials import attached
from svc_services.cases.routings.models import CaseRouting
from svc_services.cases.routings.schemas import CaseRouting as CaseRoutingShown
from svc_services.cases.workflows.definition import EXTEND, GIVE_UP, MIGRATE, ROUTE, STAFF, Actor

_SUMMARY = (
    *("case_number", "counter_division_code", "extended_days"),
    *("provider_id", "workflow_id", "kind", "division_code", "account_number", "status", "state", "version"),
    *("consumed_days", "clock_runs", "flag", "level", "created_at", "submitted_at", "ended_at"),
)
_APPOINTMENT = ("appointment_on", "appointment_from", "appointment_to")
_STEP = ("action", "actor", "from_state", "to_state", "reason", "amount_fen", "taken_at", *_APPOINTMENT)


_LABELS = {
    GIVE_UP: Label(
        zh="申请人不能继续办理",
        en="The applicant cannot go on",
        kk="ٴوتىنىش بەرۋشى جالعاستىرا المايدى",
        ug="ئىلتىماسچى داۋاملاشتۇرالمايدۇ",
    ),
    ROUTE: Label(
        zh="转至应受理的单位",
        en="Moved to the responsible office or provider",
        kk="جاۋاپتى ورىنعا جولداندى",
        ug="مەسئۇل ئورۇنغا يوللاندى",
    ),
    EXTEND: Label(
        zh="延长承诺时限",
        en="Promised time limit extended",
        kk="ۋادە ەتىلگەن مەرزىم ۇزارتىلدى",
        ug="ۋەدە قىلىنغان مۆھلەت ئۇزارتىلدى",
    ),
    MIGRATE: Label(
        zh="转入新版办理流程",
        en="Moved to another version of the workflow",
        kk="جۇمىس ٴتارتىبىنىڭ باسقا نۇسقاسىنا كوشىرىلدى",
        ug="بېجىرىش تەرتىپىنىڭ باشقا نەشرىگە يۆتكەلدى",
    ),
}


def staff_summary(case: Application) -> schemas.ApplicationSummary:
    return summary(case).model_copy(update={"assigned_to": case.assigned_to})


def summary(case: Application) -> schemas.ApplicationSummary:
    return schemas.ApplicationSummary(
        assigned_to=None,
        application_id=case.id,
        promised_on=case.promised_on if case.clock_runs else None,
        calendar_note=BY_WEEKDAYS if case.clock_runs and case.promised_by_weekdays else None,
        claimed_until=case.claimed_until if engine.claim_holds(case) else None,
        **{name: getattr(case, name) for name in _SUMMARY},
    )


def tagged(response: Response, case: schemas.Application) -> schemas.Application:
    """A case with its ETag, which the next change names."""
    response.headers["ETag"] = etag_of(case.version)
    return case


async def shown(tx: AsyncSession, case: Application, readers: Collection[Actor]) -> schemas.Application:
    """A case with its steps, as these actors see it."""
    versions = await versions_of(tx, case)
    rules = versions.current
    state = rules.state(case.state) if case.state else None
    actions = [each.name for each in rules.actions_from(state.name) if set(readers) & set(each.who)] if state else []
    steps = select(ApplicationStep).where(ApplicationStep.application_id == case.id).order_by(ApplicationStep.position)
    taken = (await tx.scalars(steps)).all()
    named = bool(STAFF & set(readers))
    words = {
        case.state,
        *actions,
        *(material.kind for material in rules.materials),
        *(name for each in taken for name in (each.action, each.from_state, each.to_state)),
    }
    return schemas.Application(
        **(staff_summary if named else summary)(case).model_dump(),
        held_by=Actor(state.held_by) if state and case.status == CaseStatus.OPEN else None,
        actions=actions,
        fee=_fee(await fees.newest(tx, case.id)),
        form=case.form,
        materials=await attached.of_application(tx, case.id),
        steps=[_step(each, named=named) for each in taken],
        labels={name: label for name, label in (versions.labels | _LABELS).items() if name in words},
        promise_moves=await _moves(tx, case),
        routings=await _routings(tx, case, taken),
    )


async def _moves(tx: AsyncSession, case: Application) -> list[schemas.PromiseMove]:
    query = (
        select(PromiseMove, func.coalesce(CalendarChange.reason, CaseMigration.reason))
        .outerjoin(CalendarChange, CalendarChange.revision == PromiseMove.calendar_revision)
        .outerjoin(CaseMigration, CaseMigration.id == PromiseMove.migration_id)
        .where(PromiseMove.application_id == case.id)
    )
    names = ("moved_from", "moved_to", "cause", "moved_at")
    return [
        schemas.PromiseMove(reason=reason, **{name: getattr(move, name) for name in names})
        for move, reason in await tx.execute(query.order_by(PromiseMove.id))
    ]


async def _routings(tx: AsyncSession, case: Application, steps: Sequence[ApplicationStep]) -> list[CaseRoutingShown]:
    reasons = {step.position: step.reason for step in steps}
    names = ("from_division_code", "to_division_code", "from_provider_id", "to_provider_id", "routed_at")
    query = select(CaseRouting).where(CaseRouting.application_id == case.id).order_by(CaseRouting.id)
    return [
        CaseRoutingShown(reason=reasons.get(each.position), **{name: getattr(each, name) for name in names})
        for each in await tx.scalars(query)
    ]


def _fee(fee: ApplicationFee | None) -> schemas.ApplicationFee | None:
    if fee is None:
        return None
    same = {name: getattr(fee, name) for name in ("amount_fen", "status", "payable_until")}
    return schemas.ApplicationFee(bill_id=fee.id, withdrawn=fee.withdrawn_at is not None, **same)


def _step(step: ApplicationStep, *, named: bool) -> schemas.ApplicationStep:
    same = {name: getattr(step, name) for name in _STEP}
    return schemas.ApplicationStep(actor_id=step.actor_id if named else None, **same)
