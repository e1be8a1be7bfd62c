"""Random actors act on a case by a random workflow, some at the same moment, while days pass."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from itertools import pairwise
from typing import Any, ClassVar
from uuid import UUID

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import URL, select, update

from chassis.auth import Caller, Membership
from chassis.db import Database, new_id, now
from chassis.problems import Problem
from kit.etags import etag_of
from svc_services.cases.applications import drafts, schemas, service
from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.cases.applications.worker import note_due
from svc_services.cases.workflows.definition import Actor, WorkflowAction, WorkflowDefinition
from svc_services.cases.workflows.models import ApplicationKind
from svc_services.cases.workflows.schemas import NewWorkflow
from svc_services.cases.workflows.service import checked, number
from svc_services.reference.models import UtilityKind
from tests.svc_services.cases.applications.cases import YINING
from tests.svc_services.cases.applications.random_workflows import Json, definitions
from tests.svc_services.cases.workflows.definitions import FORM

BEGUN = "2026-03-02T12:00:00+08:00"
_UNCLAIMED = {"claimed_by": None, "claimed_until": None}
ACTORS = [Actor.CITIZEN, Actor.CLERK, Actor.OPERATOR, Actor.PROVIDER]


def member(role: Actor) -> Caller:
    held = Membership(organisation_id=new_id(), role=role, division_code=YINING)
    return Caller(str(new_id()), "person", "myili-staff", frozenset({"staff"}), 2, (held,))


class CaseMachine(RuleBasedStateMachine):
    """One case; the model knows the workflow, and what was used up before."""

    url: ClassVar[URL]
    provider_id: ClassVar[UUID]

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.person_id = asyncio.Runner(), new_id()
        self.clock = time_machine.travel(BEGUN)
        self.time = self.clock.start()
        self.database = Database(self.url)
        self.staff = {role: member(role) for role in (Actor.CLERK, Actor.OPERATOR)}
        self.case_id, self.consumed = new_id(), 0

    @initialize(definition=definitions())
    def submit(self, definition: Json) -> None:
        self.definition = WorkflowDefinition.model_validate(definition)
        self.run(self._submit())

    @rule(actor=st.sampled_from(ACTORS), pick=st.integers(0, 20), claims=st.booleans())
    def act(self, actor: Actor, pick: int, claims: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        """Any action by any actor succeeds if the case's state has it for them, and else changes nothing."""
        before = self.run(self._case())
        wanted = self.definition.actions[pick % len(self.definition.actions)]
        here = before.state in wanted.from_states and actor in wanted.who
        held = self._claimed(before, actor, claims=claims)
        done = self.run(self._tried(self._take(actor, wanted, before.version)))
        after = self.run(self._case())
        assert done == (here and (held or actor not in self.staff))
        expected = (wanted.to, before.version + 1) if done else (before.state, before.version)
        assert (after.state, after.version) == expected

    @rule(pick=st.integers(0, 20), other=st.integers(0, 20))
    def decide_twice(self, pick: int, other: int) -> None:
        """Of two who decide at the same moment by what both have read, one succeeds at most."""
        before = self.run(self._case())
        possible = self.definition.actions_from(str(before.state))
        here = [(actor, each) for each in possible for actor in ACTORS if actor in each.who]
        if not here:
            return
        chosen = here[pick % len(here)], here[other % len(here)]
        for actor, _ in chosen:
            self._claimed(before, actor)
        done = self.run(self._both([self._take(actor, each, before.version) for actor, each in chosen]))
        assert sum(done) <= 1
        assert self.run(self._case()).version == before.version + sum(done)

    @rule(days=st.integers(1, 6))
    def pass_days(self, days: int) -> None:
        self.time.shift(timedelta(days=days))
        self.run(note_due(self.database))

    @invariant()
    def steps_are_a_path_through_the_workflow(self) -> None:
        case, steps = self.run(self._case()), self.run(self._steps())
        assert (steps[0].from_state, steps[0].to_state) == (None, self.definition.start)
        for before, step in pairwise(steps):
            assert step.from_state == before.to_state
            (action,) = [
                each for each in self.definition.actions_from(str(step.from_state)) if each.name == step.action
            ]
            assert (action.to, step.actor in action.who) == (step.to_state, True)
        assert (steps[-1].to_state, self.definition.state(str(case.state)).ends) == (case.state, case.status == "ended")
        assert case.consumed_days >= self.consumed
        self.consumed = case.consumed_days

    def teardown(self) -> None:
        """From wherever it is, the case comes to an end."""
        try:
            if hasattr(self, "definition"):
                self._come_to_an_end()
        finally:
            self.run(self.database.close())
            self.runner.close()
            self.clock.stop()

    def _come_to_an_end(self) -> None:
        for _ in self.definition.states:
            case = self.run(self._case())
            if self.definition.state(str(case.state)).ends:
                return
            # Along the row of states, by those who have the case.
            forward = next(each for each in self.definition.actions if str(case.state) in each.from_states)
            actor = Actor(forward.who[0])
            self._claimed(case, actor)
            self.run(self._take(actor, forward, case.version))
        assert self.definition.state(str(self.run(self._case()).state)).ends

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - what the work gives
        return self.runner.run(work)

    async def _submit(self) -> None:
        new = NewWorkflow(
            utility_kind=UtilityKind.WATER,
            application_kind=ApplicationKind.CHANGE,
            definition=self.definition,
            form=FORM,
        )
        async with self.database.transaction() as tx:
            workflow = checked(new)
            await number(tx, workflow)
            tx.add(workflow)
            await tx.flush()
            filed = schemas.NewApplication(
                provider_id=self.provider_id,
                kind=ApplicationKind.CHANGE,
                division_code=YINING,
                form={"address": "解放西路1号"},
            )
            draft = await drafts.create(tx, self.person_id, filed)
            await drafts.submit(tx, self.person_id, draft.id, etag_of(1))
            self.case_id = draft.id

    def _claimed(self, case: Application, actor: Actor, *, claims: bool = True) -> bool:
        """Whoever had claimed the case has let go of it; have the member of staff claim it, if they do."""
        held = claims and actor in self.staff
        claim = {"claimed_by": self.staff[actor].id, "claimed_until": now() + service.CLAIM} if held else _UNCLAIMED
        self.run(self._execute(update(Application).where(Application.id == case.id).values(claim)))
        return held

    async def _take(self, actor: Actor, action: WorkflowAction, version: int) -> None:
        wanted, etag = schemas.WantedAction(action=action.name), etag_of(version)
        async with self.database.transaction() as tx:
            if actor == Actor.CITIZEN:
                await service.act_as_citizen(tx, self.person_id, self.case_id, wanted, etag)
            elif actor == Actor.PROVIDER:
                await service.act_as_provider(tx, self.provider_id, self.case_id, wanted, etag)
            else:
                await service.act_as_staff(tx, self.staff[actor], self.case_id, wanted, etag)

    async def _tried(self, taking: Coroutine[Any, Any, None]) -> bool:
        try:
            await taking
        except Problem:
            return False
        return True

    async def _both(self, takings: list[Coroutine[Any, Any, None]]) -> list[bool]:
        return list(await asyncio.gather(*map(self._tried, takings)))

    async def _execute(self, statement: Any) -> None:  # noqa: ANN401 - any statement
        async with self.database.transaction() as tx:
            await tx.execute(statement)

    async def _case(self) -> Application:
        async with self.database.read() as tx:
            return await tx.get_one(Application, self.case_id)

    async def _steps(self) -> list[ApplicationStep]:
        query = select(ApplicationStep).where(ApplicationStep.application_id == self.case_id)
        async with self.database.read() as tx:
            return list(await tx.scalars(query.order_by(ApplicationStep.position)))


async def test_no_actors_lead_a_case_astray(database: Database, provider_id: UUID) -> None:
    class Machine(CaseMachine):
        pass

    Machine.url, Machine.provider_id = database.engine.url, provider_id
    few = settings(max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    # Hypothesis is not asynchronous: a thread with a loop of its own.
    await asyncio.to_thread(run_state_machine_as_test, Machine, settings=few)
