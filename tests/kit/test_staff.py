"""Second persons: somebody else, long enough in the role, and of nobody's making who takes the other step."""

from datetime import datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, Membership
from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.problems import Problem
from kit.approvals import SecondPersonNeeded
from kit.staff.consumers import RoleChanged, handlers
from kit.staff.refusals import NotIndependent, ProposerWithoutRole, RoleNotKnownYet, RoleTooNew
from kit.staff.second_person import require_second_holder
from kit.staff.standing import with_standing_roles

DAY = timedelta(days=1)


class Roles:
    """Roles as events of svc_identity tell them."""

    def __init__(self, tx: AsyncSession, *, cooling_off_hours: float = 24) -> None:
        self.tx = tx
        (self.handler,) = handlers(cooling_off_hours)

    async def tell(self, action: str, person: UUID, role: str, at: datetime, **more: UUID | None) -> None:
        about = {"membership_id": new_id(), "organisation_id": new_id(), "proposed_by": None} | more
        times = {"proposed_at": at, "decided_at": at}
        change = RoleChanged.model_validate({"action": action, "person_id": person, "role": role, **about, **times})
        await self.handler.handle(self.tx, Received(new_id(), self.handler.event_type, at, change))

    async def grant(
        self, person: UUID, role: str = "operator", *, by: UUID | None = None, days_ago: float = 10
    ) -> UUID:
        """Returns the membership's id."""
        membership_id = new_id()
        about = {"membership_id": membership_id, "proposed_by": by}
        await self.tell("grant", person, role, now() - DAY * days_ago, **about)
        return membership_id

    async def remove(self, person: UUID, membership_id: UUID, role: str = "operator", *, days_ago: float = 0) -> None:
        await self.tell("removal", person, role, now() - DAY * days_ago, membership_id=membership_id)

    async def refused(self, second: UUID, first: UUID, **how: str | datetime) -> type[Problem] | None:
        """How the second one is refused; None if not."""
        try:
            await require_second_holder(self.tx, caller(second), first, **how)  # type: ignore[arg-type]
        except Problem as problem:
            return type(problem)
        return None


def caller(person: UUID, *memberships: Membership) -> Caller:
    return Caller(str(person), "person", "app", frozenset(), 2, memberships)


@pytest.fixture
def roles(tx: AsyncSession) -> Roles:
    return Roles(tx)


async def test_two_of_others_making_act_on_each_others_steps(roles: Roles) -> None:
    first, second = new_id(), new_id()
    assert await roles.refused(first, first) is SecondPersonNeeded
    assert await roles.refused(second, first) is RoleNotKnownYet
    for person in (first, second):
        await roles.grant(person, by=new_id())
    assert await roles.refused(second, first) is None
    assert await roles.refused(first, second, since=now()) is None


async def test_whom_the_first_one_made_is_no_second_person_at_any_remove(roles: Roles) -> None:
    maker, made, grandchild, other = (new_id() for _ in range(4))
    await roles.grant(maker, days_ago=40)
    await roles.grant(other, days_ago=40)
    middle = await roles.grant(made, by=maker, days_ago=30)
    await roles.grant(grandchild, by=made, days_ago=20)
    await roles.remove(made, middle, days_ago=10)
    assert await roles.refused(made, maker) is RoleNotKnownYet
    assert await roles.refused(grandchild, maker) is NotIndependent
    assert await roles.refused(maker, grandchild) is NotIndependent
    assert await roles.refused(other, grandchild) is None


async def test_a_role_regained_by_the_word_of_others_keeps_where_its_proposer_came_from(roles: Roles) -> None:
    maker, helper, clerk = new_id(), new_id(), new_id()
    await roles.grant(maker, days_ago=40)
    before = await roles.grant(helper, by=maker, days_ago=30)
    await roles.grant(clerk, "clerk", by=helper, days_ago=25)
    await roles.remove(helper, before, days_ago=20)
    await roles.grant(helper, by=new_id(), days_ago=15)
    assert await roles.refused(helper, maker) is None
    assert await roles.refused(maker, clerk, first_role="clerk") is NotIndependent


async def test_a_role_acts_as_second_only_after_its_cooling_off_time(tx: AsyncSession) -> None:
    first, second = new_id(), new_id()
    roles = Roles(tx, cooling_off_hours=24)
    await roles.grant(first)
    membership_id = new_id()
    about = {"membership_id": membership_id, "proposed_by": None}
    await roles.tell("grant", second, "operator", now() - DAY + timedelta(minutes=1), **about)
    assert await roles.refused(second, first) is RoleTooNew
    assert await roles.refused(first, second) is None
    await Roles(tx, cooling_off_hours=23).tell("grant", second, "operator", now() - DAY + timedelta(minutes=1), **about)
    assert await roles.refused(second, first) is None


async def test_one_role_gives_no_power_of_another(roles: Roles) -> None:
    supervisor, clerk = new_id(), new_id()
    await roles.grant(supervisor, "till_supervisor")
    await roles.grant(clerk, "clerk")
    assert await roles.refused(supervisor, clerk, role="till_supervisor", first_role="clerk") is None
    assert await roles.refused(supervisor, clerk) is RoleNotKnownYet


async def test_a_proposal_ends_with_the_role_by_which_it_was_made(roles: Roles) -> None:
    proposer, second = new_id(), new_id()
    membership_id = await roles.grant(proposer)
    await roles.grant(second)
    proposed_at = now() - DAY
    assert await roles.refused(second, proposer, since=proposed_at) is None
    await roles.remove(proposer, membership_id)
    assert await roles.refused(second, proposer, since=proposed_at) is ProposerWithoutRole
    assert await roles.refused(second, proposer) is None
    await roles.grant(proposer, days_ago=0)
    assert await roles.refused(second, proposer, since=proposed_at) is ProposerWithoutRole


@pytest.mark.parametrize("order", [*permutations(range(4))], ids=str)
async def test_events_of_a_membership_come_in_any_order_and_twice(roles: Roles, order: tuple[int, ...]) -> None:
    first, second, membership_id, organisation_id = (new_id() for _ in range(4))
    await roles.grant(first)
    about = {"membership_id": membership_id, "organisation_id": organisation_id}
    steps = [("grant", 9.0), ("renewal", 5.0), ("expiry", 1.0), ("grant", 9.0)]
    for action, days_ago in (steps[place] for place in order):
        await roles.tell(action, second, "operator", now() - DAY * days_ago, **about)
    assert await roles.refused(second, first) is RoleNotKnownYet


async def test_a_token_loses_the_roles_that_have_ended(database: Database) -> None:
    person, left, kept = new_id(), new_id(), new_id()
    unheard = Membership(organisation_id=new_id(), role="auditor")
    token = [Membership(organisation_id=each, role="operator") for each in (left, kept)]
    async with database.transaction() as tx:
        roles = Roles(tx)
        for organisation_id in (left, kept):
            about = {"membership_id": new_id(), "organisation_id": organisation_id}
            await roles.tell("grant", person, "operator", now() - DAY * 3, **about)
            if organisation_id == left:
                await roles.tell("removal", person, "operator", now(), **about)
    standing = await with_standing_roles(database, caller(person, *token, unheard))
    assert standing.memberships == (token[1], unheard)
    async with database.transaction() as tx:
        about = {"membership_id": new_id(), "organisation_id": left}
        await Roles(tx).tell("grant", person, "operator", now(), **about)
    assert (await with_standing_roles(database, caller(person, *token))).memberships == tuple(token)
