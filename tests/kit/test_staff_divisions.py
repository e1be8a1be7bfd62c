"""Only roles that reach the division concerned count for time, grant chain and standing of a second person."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, Membership
from chassis.db import new_id, now
from kit.fields.divisions import WHOLE
from kit.staff.reach import acting_in, divisions_of
from kit.staff.refusals import NotIndependent, NotYourDivision, ProposerWithoutRole, RoleNotKnownYet, RoleTooNew
from tests.kit.test_staff import DAY, Roles, caller

HERE, THERE = "654021", "654023"


async def grant(
    roles: Roles, person: UUID, division_code: str, *, role: str = "operator", by: UUID | None = None, days_ago: float
) -> UUID:
    membership_id = new_id()
    about = {"membership_id": membership_id, "proposed_by": by, "division_code": division_code}
    await roles.tell("grant", person, role, now() - DAY * days_ago, **about)  # type: ignore[arg-type]
    return membership_id


@pytest.fixture
def roles(tx: AsyncSession) -> Roles:
    return Roles(tx)


async def test_a_role_in_one_division_is_none_in_another_nor_in_the_whole(roles: Roles) -> None:
    first, second = new_id(), new_id()
    await grant(roles, first, WHOLE, days_ago=9)
    await grant(roles, second, THERE, days_ago=9)
    assert await roles.refused(second, first) is RoleNotKnownYet
    assert await roles.refused(second, first, within=[HERE]) is RoleNotKnownYet  # type: ignore[arg-type]
    assert await roles.refused(second, first, within=[HERE, THERE]) is RoleNotKnownYet  # type: ignore[arg-type]
    assert await roles.refused(second, first, within=[THERE]) is None  # type: ignore[arg-type]
    assert await roles.refused(first, second, within=[THERE]) is None  # type: ignore[arg-type]


async def test_time_in_one_division_does_not_count_in_another(roles: Roles) -> None:
    first, second = new_id(), new_id()
    await grant(roles, first, WHOLE, days_ago=9)
    await grant(roles, second, THERE, days_ago=9)
    await grant(roles, second, WHOLE, days_ago=0)
    assert await roles.refused(second, first) is RoleTooNew


async def test_a_role_in_one_division_keeps_no_proposal_of_another_alive(roles: Roles) -> None:
    proposer, second = new_id(), new_id()
    left = await grant(roles, proposer, WHOLE, days_ago=9)
    await grant(roles, proposer, THERE, days_ago=9)
    await grant(roles, second, WHOLE, days_ago=9)
    await roles.remove(proposer, left)
    since: datetime = now() - timedelta(hours=1)
    assert await roles.refused(second, proposer, since=since) is ProposerWithoutRole


async def test_a_role_in_one_division_makes_nobody_dependent_in_the_whole(roles: Roles) -> None:
    maker, second = new_id(), new_id()
    await grant(roles, maker, WHOLE, days_ago=30)
    await grant(roles, second, WHOLE, days_ago=30)
    await grant(roles, second, HERE, by=maker, days_ago=20)
    assert await roles.refused(second, maker) is None
    assert await roles.refused(second, maker, within=[HERE]) is NotIndependent  # type: ignore[arg-type]


def holder(*divisions: str | None, role: str = "operator") -> Caller:
    held = [Membership(organisation_id=new_id(), role=role, division_code=each) for each in divisions]
    return caller(new_id(), *held)


def test_who_acts_keeps_only_the_roles_that_reach() -> None:
    both = holder(HERE, WHOLE)
    assert acting_in(both, [HERE], "operator") == both
    assert acting_in(both, [THERE], "operator").memberships == both.memberships[1:]
    assert acting_in(holder(None), [WHOLE], "operator").memberships
    # Two counties are not what a company of both needs: each of the roles reaches a part.
    for divisions, wanted in (([HERE], [WHOLE]), ([HERE], [HERE, THERE]), ([HERE, THERE], [HERE, THERE]), ([], [HERE])):
        with pytest.raises(NotYourDivision):
            acting_in(holder(*divisions), wanted, "operator")


def test_the_divisions_of_a_caller() -> None:
    assert divisions_of(holder(HERE, THERE), "operator") == {HERE, THERE}
    assert divisions_of(holder(HERE, WHOLE), "operator") is None
    assert divisions_of(holder(HERE, role="clerk"), "operator") == set()
