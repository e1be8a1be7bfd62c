"""The steps of a case. Every caller holds the lock on its row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from kit.calendar import today
from svc_services.accounts.bindings.queries import is_holder
from svc_services.calendar.days.queries import calendar_of
from svc_services.cases.account_clashes.service import clashes
from svc_services.cases.applications import account_effects, clock, fairness
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus, MoveCause, PromiseMove
from svc_services.cases.applications.numbers import new_number
from svc_services.cases.applications.refusals import (
    AccountLost,
    ActionIncomplete,
    ActionNotPossible,
    ActionNotYours,
    BadAppointment,
    BadAppointmentHours,
    ClaimedByAnother,
    ClaimNeeded,
    NotPartOfAction,
    OpenAlready,
)
from svc_services.cases.applications.telling import tell_flag, tell_step
from svc_services.cases.fees import service as fees
from svc_services.cases.workflows.definition import (
    GIVE_UP,
    STAFF,
    Actor,
    Need,
    WorkflowAction,
    WorkflowDefinition,
)
from svc_services.cases.workflows.forms import require_complete
from svc_services.cases.workflows.models import Workflow

_ONE_OPEN = "uq_applications_open"
FARTHEST_APPOINTMENT = timedelta(days=180)


@dataclass(frozen=True)
class Taking:
    """Who takes an action, by which of the roles they have, with what."""

    action: str
    actors: frozenset[Actor]
    actor_id: UUID | None
    reason: str | None = None
    appointment_on: date | None = None
    appointment_from: time | None = None
    appointment_to: time | None = None
    amount_fen: int | None = None
    form: dict[str, Any] | None = None
    account_number: str | None = None

    def given(self) -> set[Need]:
        parts = {
            Need.REASON: self.reason,
            Need.APPOINTMENT: self.appointment_on,
            Need.AMOUNT: self.amount_fen,
            Need.FORM: self.form,
            Need.ACCOUNT_NUMBER: self.account_number,
        }
        return {need for need, value in parts.items() if value is not None}


async def take(tx: AsyncSession, case: Application, workflow: Workflow, taking: Taking) -> None:
    """Take an action of the case's state.

    Raises:
        ActionNotPossible, ActionNotYours, ActionIncomplete, NotPartOfAction: the action is not what the workflow says.
        ClaimNeeded, ClaimedByAnother: a clerk has not claimed the case, or another one has.
        SecondPersonNeeded: staff decides on a case of their own, or on an appeal from their own step.
        AccountLost: the account is not the applicant's any more.
        BadAppointment, BadAppointmentHours: nobody can come then.
        FormRefused: the corrected form has mistakes.
        OpenAlready: an appeal would open a second case of the kind on the account.
        FeeBeingPaid: a new quote would replace a fee that is being paid.
        BadAccountNumber: of an account that the provider has opened.
        LaterChangeKnown, OtherChangeKnown: of an account that is closed or transferred.
    """
    rules = workflow.rules
    action = _action_of(rules, case, taking)
    actor = _actor_of(action, taking)
    await _require_account(tx, case)
    _require_claim(case, actor, taking)
    if actor in STAFF:
        await fairness.require_independent(tx, case, action, taking.actor_id)
    _require_parts(action, taking)
    if taking.form is not None:
        require_complete(workflow.form, taking.form)
        case.form = taking.form
    case.account_number = taking.account_number or case.account_number
    await advance(tx, case, rules, action.to, _step(case, action.name, actor, taking))
    if action.effect:
        await account_effects.carry_out(tx, case, action.effect)
    if actor == Actor.CITIZEN and await fees.of_case(tx, case.id) is None:
        await pay(tx, case, workflow)  # agreeing to a quote of nothing


async def pay(tx: AsyncSession, case: Application, workflow: Workflow) -> None:
    """Take the step that follows a payment, if the state of the case waits for one."""
    rules = workflow.rules
    if payment := rules.payment(str(case.state)):
        acting = Taking(payment.name, frozenset({Actor.PAYMENT}), None)
        await advance(tx, case, rules, payment.to, _step(case, payment.name, Actor.PAYMENT, acting))


async def appoint(tx: AsyncSession, case: Application, workflow: Workflow, day: date) -> None:
    """Appoint a day that the company has agreed to, if the state of the case waits for an appointment."""
    rules = workflow.rules
    if action := rules.appointment(str(case.state)):
        acting = Taking(action.name, frozenset({Actor.PROVIDER}), case.provider_id, appointment_on=day)
        await advance(tx, case, rules, action.to, _step(case, action.name, Actor.PROVIDER, acting))


class Migrating(NamedTuple):
    """That a step moves a case to another version, by `rules`: what its states are called there."""

    id: UUID
    names: Mapping[str, str | None]


async def advance(
    tx: AsyncSession,
    case: Application,
    rules: WorkflowDefinition,
    to: str,
    step: ApplicationStep,
    *,
    cause: MoveCause | None = None,
    migrating: Migrating | None = None,
) -> None:
    """Move a case into a state, count its days, keep the step and tell of it."""
    case.case_number = case.case_number or await new_number(tx, case.division_code)
    calendar, promised, ran = await calendar_of(tx), case.promised_on, case.clock_runs
    clock.settle(case, today(), calendar)
    if migrating:
        case.state_days = clock.renamed(case.state_days, migrating.names)
    step.from_state, step.to_state = case.state, to
    case.move_to(CaseStatus.ENDED if rules.state(to).ends else CaseStatus.OPEN)
    case.state, case.claimed_by, case.claimed_until = to, None, None
    case.version += 1
    clock.wind(case, rules, calendar)
    last = select(func.max(ApplicationStep.position)).where(ApplicationStep.application_id == case.id)
    kind = str(case.kind)  # cannot be read any more when the flush has failed
    try:
        await tx.flush()
    except IntegrityError as error:
        if _ONE_OPEN in str(error.orig):
            raise OpenAlready(kind=kind) from None
        raise
    step.position = (await tx.scalar(last) or 0) + 1
    tx.add(step)
    if migrating:
        note_move(tx, case, promised, MoveCause.WORKFLOW, migrating.id)
    else:
        note_move(tx, case, promised, cause or (MoveCause.CALENDAR if ran else MoveCause.PAUSE))
    await tell_step(tx, case, step)
    await fees.follow(tx, case, rules, step)


async def note_time(tx: AsyncSession, case: Application, workflow: Workflow) -> None:
    """Count the days up to today; act, or flag the case, where its time is up; promise by the calendar as it is."""
    rules, before, promised = workflow.rules, (case.flag, case.level), case.promised_on
    state, calendar = rules.state(str(case.state)), await calendar_of(tx)
    clock.settle(case, today(), calendar)
    timeout = rules.timeout(state.name)
    over = timeout is not None and clock.timed_out(case, state)
    waits = over and await fees.is_being_paid(tx, case.id)
    if timeout and over and not waits:
        acting = Taking(timeout.name, frozenset({Actor.SYSTEM}), None)
        await advance(tx, case, rules, timeout.to, _step(case, timeout.name, Actor.SYSTEM, acting))
        return
    clock.wind(case, rules, calendar)
    note_move(tx, case, promised, MoveCause.CALENDAR)
    if waits:
        case.look_at = today() + timedelta(days=1)  # or as soon as svc_payments says that the payment came to nothing
    await tell_flag(tx, case, before)


async def give_up(tx: AsyncSession, case: Application) -> None:
    """End a case whose applicant cannot go on."""
    rules = (await tx.get_one(Workflow, case.workflow_id)).rules
    giving_up = Taking(GIVE_UP, frozenset({Actor.SYSTEM}), None)
    await advance(tx, case, rules, rules.given_up(), _step(case, GIVE_UP, Actor.SYSTEM, giving_up))


def note_move(
    tx: AsyncSession, case: Application, promised: date | None, cause: MoveCause, migration_id: UUID | None = None
) -> None:
    """Keep why the promised day is another one than before."""
    if promised is None or case.promised_on is None or case.promised_on == promised:
        return
    move = PromiseMove(application_id=case.id, moved_from=promised, moved_to=case.promised_on, cause=cause)
    move.migration_id = migration_id
    if cause == MoveCause.CALENDAR:
        move.calendar_revision = case.calendar_revision
    tx.add(move)


def require_claim(case: Application, clerk_id: UUID | None) -> None:
    """Refuse staff who have not claimed the case.

    Raises:
        ClaimNeeded, ClaimedByAnother
    """
    held = claim_holds(case)
    if held and case.claimed_by != clerk_id:
        raise ClaimedByAnother
    if not held:
        raise ClaimNeeded


def claim_holds(case: Application) -> bool:
    return case.claimed_until is not None and case.claimed_until > now()


def _action_of(rules: WorkflowDefinition, case: Application, taking: Taking) -> WorkflowAction:
    found = [each for each in rules.actions_from(str(case.state)) if each.name == taking.action]
    if not found:
        raise ActionNotPossible(action=taking.action, state=str(case.state))
    return found[0]


def _actor_of(action: WorkflowAction, taking: Taking) -> Actor:
    actors = sorted(taking.actors & set(action.who))
    if not actors:
        raise ActionNotYours(action=action.name)
    return Actor(actors[0])


def _require_claim(case: Application, actor: Actor, taking: Taking) -> None:
    if actor == Actor.PROVIDER and claim_holds(case) and case.claimed_by != taking.actor_id:
        raise ClaimedByAnother
    if actor in STAFF:
        require_claim(case, taking.actor_id)


async def _require_account(tx: AsyncSession, case: Application) -> None:
    number = case.account_number
    if number is None or await is_holder(tx, case.person_id, case.provider_id, number):
        return
    if not await clashes(tx, case.id):  # else the company would learn of it by the next step
        raise AccountLost


def _require_parts(action: WorkflowAction, taking: Taking) -> None:
    given, needed = taking.given(), set(action.needs)
    if missing := sorted(needed - given):
        raise ActionIncomplete(missing=missing)
    if surplus := sorted(given - needed - {Need.REASON}):
        raise NotPartOfAction(surplus=surplus)
    if taking.appointment_on and not today() <= taking.appointment_on <= today() + FARTHEST_APPOINTMENT:
        raise BadAppointment(days=FARTHEST_APPOINTMENT.days)
    begin, end = taking.appointment_from, taking.appointment_to
    if begin is None and end is None:
        return
    if taking.appointment_on is None or begin is None or end is None or begin >= end:
        raise BadAppointmentHours


def _step(case: Application, action: str, actor: Actor, taking: Taking) -> ApplicationStep:
    return ApplicationStep(
        application_id=case.id,
        action=action,
        actor=actor,
        actor_id=taking.actor_id,
        reason=taking.reason,
        appointment_on=taking.appointment_on,
        appointment_from=taking.appointment_from,
        appointment_to=taking.appointment_to,
        amount_fen=taking.amount_fen,
        taken_at=now(),
    )
