"""Two operators end a binding with a reason."""

import asyncio
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import once
from tests.svc_services.accounts.bindings.conftest import bind, person_id, provider_id
from tests.svc_services.accounts.bindings.stored import bindings_in, code
from tests.svc_services.accounts.invitations.conftest import House, house

__all__ = ["bind", "house", "person_id", "provider_id"]
ENDS = "/services/v1/binding-ends"


class Desk:
    """Operators of the platform."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.first, self.second = (self.operator() for _ in range(2))

    def operator(self, division: str | None = None) -> dict[str, str]:
        return self.house.tokens.staff("operator", person_id=new_id(), division_code=division)

    async def propose(
        self, headers: dict[str, str] | None = None, binding_id: str | UUID | None = None
    ) -> httpx.Response:
        body = {"binding_id": str(binding_id or self.house.binding_id), "reason": "a complaint"}
        return await self.house.api.post(ENDS, json=body, headers=(headers or self.first) | once())

    async def decide(self, end: str, verb: str, headers: dict[str, str]) -> httpx.Response:
        return await self.house.api.post(f"{ENDS}/{end}/{verb}", headers=headers | once())


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def test_a_second_operator_ends_it_with_all_access(desk: Desk, database: Database) -> None:
    await desk.house.join()
    proposed = (await desk.propose()).json()
    end = proposed["binding_end_id"]
    assert (proposed["status"], proposed["reason"]) == ("proposed", "a complaint")
    assert code(await desk.decide(end, "approve", desk.first)) == (403, "second_person_needed")
    assert {binding.status for binding in await bindings_in(database)} == {"active"}
    done = await desk.decide(end, "approve", desk.second)
    assert (done.status_code, done.json()["status"]) == (200, "done")
    assert {binding.status for binding in await bindings_in(database)} == {"ended"}
    assert {binding.held_until for binding in await bindings_in(database)} == {None}
    assert code(await desk.decide(end, "reject", desk.second)) == (409, "illegal_move")
    assert code(await desk.propose()) == (409, "binding_not_active")
    listed = (await desk.house.api.get(ENDS, headers=desk.second)).json()["items"]
    assert [each["binding_end_id"] for each in listed] == [end]


async def test_of_parallel_proposals_one_stands_and_of_decisions_one_counts(desk: Desk, database: Database) -> None:
    answers = await asyncio.gather(*(desk.propose(desk.operator()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (end,) = [answer.json()["binding_end_id"] for answer in answers if answer.status_code == 201]
    verbs = ("approve", "reject", "approve", "reject")
    decided = await asyncio.gather(*(desk.decide(end, verb, desk.operator()) for verb in verbs))
    assert sorted(answer.status_code for answer in decided) == [200, 409, 409, 409]


async def test_a_rejected_or_withdrawn_proposal_changes_nothing(desk: Desk, database: Database) -> None:
    for headers, status in ((desk.second, "rejected"), (desk.first, "withdrawn")):
        end = (await desk.propose()).json()["binding_end_id"]
        assert (await desk.decide(end, "reject", headers)).json()["status"] == status
    assert [binding.status for binding in await bindings_in(database)] == ["active"]


async def test_an_end_that_came_otherwise_leaves_nothing_to_approve(desk: Desk) -> None:
    end = (await desk.propose()).json()["binding_end_id"]
    await desk.house.end(desk.house.binding_id, desk.house.owner_id)
    assert code(await desk.decide(end, "approve", desk.second)) == (409, "binding_not_active")
    assert (await desk.decide(end, "reject", desk.second)).json()["status"] == "rejected"


async def test_operators_of_other_divisions_end_nothing(desk: Desk) -> None:
    elsewhere = desk.operator("654022")
    assert code(await desk.propose(elsewhere)) == (403, "not_your_division")
    end = (await desk.propose()).json()["binding_end_id"]
    for verb in ("approve", "reject"):
        assert code(await desk.decide(end, verb, elsewhere)) == (403, "not_your_division")
    assert (await desk.house.api.get(ENDS, headers=elsewhere)).json()["items"] == []
    assert (await desk.propose(binding_id=new_id())).status_code == 404
