"""One day on which all companies come.

Days are proposed once, by the applicant or by a company. Each company of an open branch that waits for an appointment
answers until a deadline. The earliest day that all of them accept becomes the appointment of each branch; without one,
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
from kit.calendar import today
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
    SurveyDecided,
    SurveyProposedAlready,
)
from svc_services.cases.workflows.models import Workflow

ANSWER_DAYS = 3
"""Working days that companies have to answer."""
_AT_ONCE = 50


async def propose(tx: AsyncSession, held: Locked, days: Sequence[date], proposed_by: UUID | None) -> None:
    """Propose days for one visit.

    Raises:
        SurveyProposedAlready, BadSurveyDays
        NoSurveyWanted: also when the branch of the company that proposes them waits for no appointment.
    """
    if await survey_of(tx, held.joint.id):
        raise SurveyProposedAlready
    awaited = [branch.provider_id for branch in await _awaited(tx, held)]
    if not awaited or (proposed_by and proposed_by not in awaited):
        raise NoSurveyWanted
    due_on = (await calendar_of(tx)).after(today(), ANSWER_DAYS)
    last = today() + engine.FARTHEST_APPOINTMENT
    if len(set(days)) < len(days) or not all(due_on < day <= last for day in days):
        raise BadSurveyDays(after=due_on.isoformat(), until=last.isoformat())
    survey = JointSurvey(joint_application_id=held.joint.id, days=sorted(days), due_on=due_on, proposed_by=proposed_by)
    tx.add(survey)
    held.joint.version += 1
    await tx.flush()
    if proposed_by:
        await _keep(tx, held, proposed_by, survey.days)
    proposed = JointSurveyProposed(
        joint_application_id=held.joint.id,
        person_id=held.joint.person_id,
        provider_ids=awaited,
        days=survey.days,
        due_on=due_on,
    )
    await emit(tx, proposed)
    await decide(tx, held)


async def answer(tx: AsyncSession, held: Locked, provider_id: UUID, days: Sequence[date]) -> None:
    """Keep on which of the proposed days a company can come, in the place of what it answered before.

    Raises:
        SurveyDecided: also when the company's own branch waits for no appointment.
        SurveyDayNotProposed
    """
    survey = await survey_of(tx, held.joint.id)
    if survey is None or not set(days) <= set(survey.days):
        raise SurveyDayNotProposed
    given = sorted(set(days))
    if survey.status != SurveyStatus.PROPOSED and await answer_of(tx, held.joint.id, provider_id) == given:
        return  # the same answer, sent again
    own = [each.provider_id for each in await _awaited(tx, held)]
    if survey.status != SurveyStatus.PROPOSED or survey.due_on < today() or provider_id not in own:
        raise SurveyDecided
    await _keep(tx, held, provider_id, given)
    await decide(tx, held)


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
    """The days that each company has answered with."""
    query = select(JointSurveyAnswer.provider_id, JointSurveyAnswer.days)
    rows = await tx.execute(query.where(JointSurveyAnswer.joint_application_id == joint_id))
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
        survey.agree(common[0])
    elif survey.due_on < today():
        survey.fail(SurveyFailure.NOT_ANSWERED)


async def _awaited(tx: AsyncSession, held: Locked) -> list[JointBranch]:
    return [branch for branch, _ in await _awaited_cases(tx, held)]


async def _awaited_cases(tx: AsyncSession, held: Locked) -> list[tuple[JointBranch, Application]]:
    return [(branch, case) for branch, case in held.by_position if await awaits_appointment(tx, case)]


async def _keep(tx: AsyncSession, held: Locked, provider_id: UUID, days: Sequence[date]) -> None:
    row = {"joint_application_id": held.joint.id, "provider_id": provider_id, "days": days, "answered_at": now()}
    written = insert(JointSurveyAnswer).values(row)
    changes = {name: written.excluded[name] for name in ("days", "answered_at")}
    key = [JointSurveyAnswer.joint_application_id, JointSurveyAnswer.provider_id]
    await tx.execute(written.on_conflict_do_update(index_elements=key, set_=changes))


def _decided(held: Locked, survey: JointSurvey) -> JointSurveyDecided:
    same = {name: getattr(survey, name) for name in ("status", "agreed_on", "failure")}
    return JointSurveyDecided(joint_application_id=held.joint.id, person_id=held.joint.person_id, **same)
