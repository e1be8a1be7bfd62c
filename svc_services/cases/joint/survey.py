"""One day on which all companies come.

Days are proposed by the applicant or by a company. Each company of an open branch that waits for an appointment
answers until a deadline; where no day suits all, further ones are proposed until then. The earliest working day that
all of them accept becomes the appointment of each branch, or a day off that everybody has said to mean; without one,
each company makes an appointment of its own. Callers hold the locks of `queries.locked`.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.outbox import emit
from kit.calendar import Calendar, today
from svc_services.calendar.days.queries import calendar_of
from svc_services.cases.applications import engine
from svc_services.cases.applications.models import Application
from svc_services.cases.joint.events import JointSurveyDecided, JointSurveyProposed
from svc_services.cases.joint.models import JointBranch, JointSurvey, JointSurveyAnswer, SurveyFailure, SurveyStatus
from svc_services.cases.joint.queries import Locked, awaits_appointment, locked
from svc_services.cases.joint.refusals import (
    BadSurveyDays,
    NoSurveyWanted,
    SurveyDayNotProposed,
    SurveyDaysOff,
    SurveyDecided,
    SurveyProposedAlready,
)
from svc_services.cases.joint.schemas import ProposedDays, SurveyAnswer
from svc_services.cases.workflows.models import Workflow

ANSWER_DAYS = 3
"""Working days that companies have to answer."""
MOST_ROUNDS = 5
_AT_ONCE = 50


async def propose(tx: AsyncSession, held: Locked, wanted: ProposedDays, proposed_by: UUID | None) -> None:
    """Propose days for one visit, or further ones where none suited all.

    Raises:
        SurveyProposedAlready, BadSurveyDays, SurveyDaysOff
        NoSurveyWanted: also when the branch of the company that proposes them waits for no appointment.
    """
    survey = await survey_of(tx, held.joint.id)
    if survey and not _may_go_on(survey):
        raise SurveyProposedAlready
    awaited = [branch.provider_id for branch in await _awaited(tx, held)]
    if not awaited or (proposed_by and proposed_by not in awaited):
        raise NoSurveyWanted
    calendar = await calendar_of(tx)
    due_on = survey.due_on if survey else calendar.after(today(), ANSWER_DAYS)
    _require_days(wanted.days, due_on)
    _require_meant(wanted.days, calendar, days_off=wanted.days_off)
    if survey is None:
        survey = JointSurvey(joint_application_id=held.joint.id, due_on=due_on, proposed_by=proposed_by, round=1)
        survey.days = sorted(wanted.days)
        tx.add(survey)
    else:
        survey.propose_again(sorted(wanted.days), proposed_by)
    held.joint.version += 1
    await tx.flush()
    if proposed_by:
        await _keep(tx, survey, proposed_by, survey.days)
    proposed = JointSurveyProposed(
        joint_application_id=held.joint.id,
        person_id=held.joint.person_id,
        provider_ids=awaited,
        days=survey.days,
        due_on=due_on,
    )
    await emit(tx, proposed)
    await decide(tx, held)


async def answer(tx: AsyncSession, held: Locked, provider_id: UUID, said: SurveyAnswer) -> None:
    """Keep on which of the proposed days a company can come, in the place of what it answered before.

    Raises:
        SurveyDecided: also when the company's own branch waits for no appointment.
        SurveyDayNotProposed, SurveyDaysOff
    """
    survey = await survey_of(tx, held.joint.id)
    if survey is None or not set(said.days) <= set(survey.days):
        raise SurveyDayNotProposed
    given = sorted(set(said.days))
    if survey.status != SurveyStatus.PROPOSED and await answer_of(tx, held.joint.id, provider_id) == given:
        return  # the same answer, sent again
    own = [each.provider_id for each in await _awaited(tx, held)]
    if survey.status != SurveyStatus.PROPOSED or survey.due_on < today() or provider_id not in own:
        raise SurveyDecided
    _require_meant(given, await calendar_of(tx), days_off=said.days_off)
    await _keep(tx, survey, provider_id, given)
    await decide(tx, held)


def _may_go_on(survey: JointSurvey) -> bool:
    """Whether further days may be proposed: none suited all, and the companies may still answer."""
    none_suited = survey.failure == SurveyFailure.NO_COMMON_DAY
    return none_suited and today() <= survey.due_on and survey.round < MOST_ROUNDS


def _require_days(days: Sequence[date], due_on: date) -> None:
    last = today() + engine.FARTHEST_APPOINTMENT
    if len(set(days)) < len(days) or not all(due_on < day <= last for day in days):
        raise BadSurveyDays(after=due_on.isoformat(), until=last.isoformat())


def _require_meant(days: Sequence[date], calendar: Calendar, *, days_off: bool) -> None:
    off = [day.isoformat() for day in days if not calendar.is_working_day(day)]
    if off and not days_off:
        raise SurveyDaysOff(days=off)


async def decide(tx: AsyncSession, held: Locked) -> None:
    """Agree on a day or give the search up, if what is known suffices; and appoint an agreed day. Idempotent."""
    survey = await survey_of(tx, held.joint.id)
    if survey is None:
        return
    if survey.status == SurveyStatus.PROPOSED:
        await _conclude(tx, held, survey)
        if survey.status != SurveyStatus.PROPOSED:
            held.joint.version += 1
            await tx.flush()
            await emit(tx, _decided(held, survey))
    if survey.status == SurveyStatus.AGREED and survey.agreed_on and survey.agreed_on >= today():
        for _, case in await _awaited_cases(tx, held):
            await engine.appoint(tx, case, await tx.get_one(Workflow, case.workflow_id), survey.agreed_on)


async def give_up_due(database: Database) -> None:
    """End the searches whose last day for answers is over."""
    while await _give_up_some(database):
        pass


async def survey_of(tx: AsyncSession, joint_id: UUID) -> JointSurvey | None:
    return await tx.get(JointSurvey, joint_id, populate_existing=True)


async def answers_of(tx: AsyncSession, joint_id: UUID) -> dict[UUID, list[date]]:
    """The days that each company has answered with, of those that are proposed now."""
    query = select(JointSurveyAnswer.provider_id, JointSurveyAnswer.days).join(
        JointSurvey, JointSurvey.joint_application_id == JointSurveyAnswer.joint_application_id
    )
    of_round = JointSurveyAnswer.round == JointSurvey.round
    rows = await tx.execute(query.where(JointSurvey.joint_application_id == joint_id, of_round))
    return {row.provider_id: row.days for row in rows}


async def answer_of(tx: AsyncSession, joint_id: UUID, provider_id: UUID) -> list[date] | None:
    return (await answers_of(tx, joint_id)).get(provider_id)


async def _give_up_some(database: Database) -> bool:
    due = select(JointSurvey.joint_application_id).where(
        JointSurvey.status == SurveyStatus.PROPOSED, JointSurvey.due_on < today()
    )
    async with database.read() as reading:
        ids = (await reading.scalars(due.order_by(JointSurvey.due_on).limit(_AT_ONCE))).all()
    for joint_id in ids:
        async with database.transaction() as tx:
            await decide(tx, await locked(tx, joint_id))
    return len(ids) == _AT_ONCE


async def _conclude(tx: AsyncSession, held: Locked, survey: JointSurvey) -> None:
    awaited = {branch.provider_id for branch in await _awaited(tx, held)}
    answers = {provider: set(days) for provider, days in (await answers_of(tx, held.joint.id)).items()}
    given = [answers[each] for each in awaited if each in answers]
    common = sorted(set(survey.days).intersection(*given))
    if not awaited:
        survey.fail(SurveyFailure.NOBODY_LEFT)
    elif not common:
        survey.fail(SurveyFailure.NO_COMMON_DAY)
    elif len(given) == len(awaited):
        calendar = await calendar_of(tx)
        survey.agree(next((day for day in common if calendar.is_working_day(day)), common[0]))
    elif survey.due_on < today():
        survey.fail(SurveyFailure.NOT_ANSWERED)


async def _awaited(tx: AsyncSession, held: Locked) -> list[JointBranch]:
    return [branch for branch, _ in await _awaited_cases(tx, held)]


async def _awaited_cases(tx: AsyncSession, held: Locked) -> list[tuple[JointBranch, Application]]:
    return [(branch, case) for branch, case in held.by_position if await awaits_appointment(tx, case)]


async def _keep(tx: AsyncSession, survey: JointSurvey, provider_id: UUID, days: Sequence[date]) -> None:
    of_survey = {"joint_application_id": survey.joint_application_id, "round": survey.round}
    row = {**of_survey, "provider_id": provider_id, "days": days, "answered_at": now()}
    written = insert(JointSurveyAnswer).values(row)
    changes = {name: written.excluded[name] for name in ("round", "days", "answered_at")}
    key = [JointSurveyAnswer.joint_application_id, JointSurveyAnswer.provider_id]
    await tx.execute(written.on_conflict_do_update(index_elements=key, set_=changes))


def _decided(held: Locked, survey: JointSurvey) -> JointSurveyDecided:
    same = {name: getattr(survey, name) for name in ("status", "agreed_on", "failure")}
    return JointSurveyDecided(joint_application_id=held.joint.id, person_id=held.joint.person_id, **same)
