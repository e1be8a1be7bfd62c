"""Random actors and actions against a model that knows the workflow alone."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from chassis.db import Database, new_id, now
from chassis.problems import Problem
from kit.calendar import today
from svc_services.cases.applications import drafts, schemas, service
from svc_services.cases.applications.engine import Taking, take
from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.cases.applications.worker import note_due
from svc_services.cases.workflows.definition import Actor, Need, WorkflowDefinition
from svc_services.cases.workflows.models import ApplicationKind, Workflow
from tests.svc_services.cases.applications.cases import FORM, YINING

BEGUN = "2026-03-02T12:00:00+08:00"
CLERKS = tuple(new_id() for _ in range(2))
ACTIONS = (
    *("accept", "refuse", "request_correction", "correct", "withdraw", "appeal", "uphold", "reopen", "agree"),
    *("appoint_survey", "survey", "quote", "construct", "fail_inspection", "inspect", "activate", "reject", "lapse"),
)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(ACTIONS),
        st.sampled_from([Actor.CITIZEN, Actor.CLERK, Actor.OPERATOR, Actor.PROVIDER]),
        st.sampled_from(CLERKS),
        st.booleans(),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=25,
)
Moves = Sequence[tuple[str, Actor, UUID, bool, int]]


class Trial:
    """One case, and what the model says of it."""

    def __init__(self, database: Database, provider_id: UUID) -> None:
        self._database, self._provider_id, self.person_id = database, provider_id, new_id()
        self.case_id = new_id()
        self.consumed = 0

    async def begin(self) -> None:
        new = schemas.NewApplication(
            provider_id=self._provider_id, kind=ApplicationKind.NEW_CONNECTION, division_code=YINING, form=FORM
        )
        async with self._database.transaction() as tx:
            case = await drafts.create(tx, self.person_id, new)
            await drafts.submit(tx, self.person_id, case.id, '"1"')
            self.case_id = case.id

    async def move(self, action: str, actor: Actor, clerk: UUID, *, claims: bool) -> None:
        """Try one action; it succeeds if and only if the workflow has it for this actor."""
        staff = actor in {Actor.CLERK, Actor.OPERATOR}
        actor_id = {Actor.CITIZEN: self.person_id, Actor.PROVIDER: self._provider_id}.get(actor, clerk)
        async with self._database.transaction() as tx:
            case = await tx.get_one(Application, self.case_id, with_for_update=True)
            workflow = await tx.get_one(Workflow, case.workflow_id)
            rules, before = workflow.rules, (case.state, case.version)
            wanted = next((each for each in rules.actions_from(str(case.state)) if each.name == action), None)
            if staff and claims:
                case.claimed_by, case.claimed_until = clerk, now() + service.CLAIM
            steps = (await tx.scalars(select(ApplicationStep).where(ApplicationStep.application_id == case.id))).all()
            known = any(step.actor_id == actor_id for step in steps)
            admitted = wanted is not None and actor in wanted.who and (claims or not staff)
            if wanted is not None and wanted.another_person and known:
                admitted = False
            taking = self._taking(action, actor, actor_id, set(wanted.needs) if wanted else set())
            try:
                await take(tx, case, workflow, taking)
            except Problem:
                assert not admitted
                assert (case.state, case.version) == before
            else:
                assert admitted
                assert wanted is not None
                assert (case.state, case.version) == (wanted.to, before[1] + 1)
            case.claimed_by = case.claimed_until = None

    def _taking(self, action: str, actor: Actor, actor_id: UUID, needs: set[Need]) -> Taking:
        return Taking(
            action,
            frozenset({actor}),
            actor_id,
            reason="because" if Need.REASON in needs else None,
            appointment_on=today() if Need.APPOINTMENT in needs else None,
            amount_fen=100 if Need.AMOUNT in needs else None,
            form=FORM if Need.FORM in needs else None,
        )

    async def check(self) -> None:
        """The steps are one chain through the workflow, and used days have not fallen."""
        async with self._database.read() as tx:
            case = await tx.get_one(Application, self.case_id)
            rules = (await tx.get_one(Workflow, case.workflow_id)).rules
            steps = (
                await tx.scalars(
                    select(ApplicationStep)
                    .where(ApplicationStep.application_id == case.id)
                    .order_by(ApplicationStep.position)
                )
            ).all()
        _require_chain(rules, steps)
        assert steps[-1].to_state == case.state
        assert (case.status == "ended") == rules.state(str(case.state)).ends
        assert case.consumed_days >= self.consumed
        self.consumed = case.consumed_days


def _require_chain(rules: WorkflowDefinition, steps: Sequence[ApplicationStep]) -> None:
    assert [step.position for step in steps] == list(range(1, len(steps) + 1))
    assert (steps[0].from_state, steps[0].to_state) == (None, rules.start)
    for before, step in pairwise(steps):
        assert step.from_state == before.to_state
        (action,) = [each for each in rules.actions_from(str(step.from_state)) if each.name == step.action]
        assert (action.to, step.actor in action.who) == (step.to_state, True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
async def test_no_random_walk_leaves_the_workflow(database: Database, provider_id: UUID, moves: Moves) -> None:
    trial = Trial(database, provider_id)
    with time_machine.travel(BEGUN) as clock:
        await trial.begin()
        for action, actor, clerk, claims, days in moves:
            await trial.move(action, actor, clerk, claims=claims)
            clock.shift(timedelta(days=days))
            await note_due(database)
            await trial.check()
