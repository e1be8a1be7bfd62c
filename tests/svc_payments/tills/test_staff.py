"""Permissions and separation of duties at a till."""

import asyncio

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError, IntegrityError

from chassis.db import new_id
from chassis.testing import once
from svc_payments.tills.models import TillCount, TillSession
from tests.svc_payments.tills.counter import SESSIONS, Counter, refusal
from tests.svc_payments.world import World


async def test_a_till_and_a_clerk_have_one_open_session(counter: Counter) -> None:
    first, second = counter.staff("clerk"), counter.staff("clerk")
    await counter.opened(first)
    assert refusal(await counter.open(first, "T2")) == (409, "till_in_use")
    assert refusal(await counter.open(second, "T1")) == (409, "till_in_use")


async def test_of_clerks_racing_for_a_till_one_gets_it(counter: Counter) -> None:
    answers = await asyncio.gather(*(counter.open(counter.staff("clerk")) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_clerk_opens_tills_of_the_own_counter_only(counter: Counter) -> None:
    stranger = Counter(counter.world).staff("clerk")
    assert refusal(await counter.open(stranger)) == (403, "not_clerk_of_counter")


async def test_clerks_of_other_counters_and_of_this_one_cannot_touch_a_session(world: World, counter: Counter) -> None:
    session, bill = await counter.opened(counter.staff("clerk")), await world.bill(new_id())
    for other in (Counter(world).staff("clerk"), counter.staff("clerk")):
        answers = [
            await counter.pay_cash(other, session, bill),
            await counter.count(other, session, 50_000),
            await counter.get(other, session),
            await counter.get(other, f"{session}/payments"),
        ]
        assert [refusal(answer) for answer in answers] == [(404, "not_found")] * 4
    assert await world.bill_status(bill) == "due"


async def test_supervisors_of_other_counters_cannot_touch_a_session(counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    await counter.count(clerk, session, 50_000)
    other = Counter(counter.world).staff("till_supervisor")
    answers = [
        await counter.post(other, f"{session}/close"),
        await counter.post(other, f"{session}/send-back", {"reason": "again"}),
        await counter.get(other, session),
    ]
    assert [refusal(answer) for answer in answers] == [(404, "not_found")] * 3


async def test_a_clerk_cannot_close_their_own_session(world: World, counter: Counter) -> None:
    both = world.tokens.sign(
        assurance_level=2,
        memberships=[
            {"organisation_id": str(counter.organisation_id), "role": role, "division_code": "654002"}
            for role in ("clerk", "till_supervisor")
        ],
    )
    person = {"Authorization": f"Bearer {both}"}
    session = await counter.opened(person)
    await counter.count(person, session, 50_000)
    assert refusal(await counter.post(person, f"{session}/close")) == (403, "own_till_session")


async def test_the_database_requires_another_person_to_close(world: World, counter: Counter) -> None:
    await counter.opened(counter.staff("clerk"))
    with pytest.raises(IntegrityError, match="ck_till_sessions_second_person"):
        async with world.database.transaction() as tx:
            await tx.execute(update(TillSession).values(closed_by=TillSession.clerk_id))


async def test_counts_are_immutable(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    await counter.count(clerk, await counter.opened(clerk), 50_000)
    with pytest.raises(DBAPIError, match="till_counts"):
        async with world.database.transaction() as tx:
            await tx.execute(update(TillCount).values(counted_fen=1))


async def test_a_session_is_not_closed_before_it_is_counted(counter: Counter) -> None:
    session = await counter.opened(counter.staff("clerk"))
    assert refusal(await counter.post(counter.staff("till_supervisor"), f"{session}/close")) == (409, "illegal_move")


async def test_a_deposit_is_what_the_session_took_and_made_once(world: World, counter: Counter) -> None:
    clerk, supervisor = counter.staff("clerk"), counter.staff("till_supervisor")
    session = await counter.opened(clerk)
    await counter.pay_cash(clerk, session, await world.bill(new_id()))
    slip = {"reference": "DEP-0001", "amount_fen": 4140}
    assert refusal(await counter.post(supervisor, f"{session}/deposit", slip)) == (409, "illegal_move")
    await counter.closed(clerk, session, 54_140)
    other = {"reference": "DEP-0001", "amount_fen": 4139}
    assert refusal(await counter.post(supervisor, f"{session}/deposit", other)) == (409, "deposit_differs")
    assert (await counter.post(supervisor, f"{session}/deposit", slip)).status_code == 200
    assert refusal(await counter.post(supervisor, f"{session}/deposit", slip)) == (409, "illegal_move")
    assert await counter.balance("bank", "settlement") == 4140


async def test_a_session_without_cash_has_nothing_to_deposit(counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    await counter.closed(clerk, session, 50_000)
    slip = {"reference": "DEP-0001", "amount_fen": 1}
    answer = await counter.post(counter.staff("till_supervisor"), f"{session}/deposit", slip)
    assert refusal(answer) == (409, "nothing_to_deposit")


@pytest.mark.parametrize("pieces", [{"20": 1}, {"100": -1}, {"100": 1.5}, {"100": True}, {"one": 1}])
async def test_a_count_accepts_whole_pieces_of_known_denominations(counter: Counter, pieces: dict[str, object]) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    answer = await counter.post(clerk, f"{session}/count", {"pieces": pieces})
    assert refusal(answer) == (422, "invalid_request")


async def test_residents_and_providers_have_no_till(world: World, counter: Counter) -> None:
    session = await counter.opened(counter.staff("clerk"))
    for headers in (world.tokens.resident(), world.tokens.client(world.provider_id, "bills:write")):
        answer = await world.api.post(f"{SESSIONS}{session}/count", json={"pieces": {}}, headers=headers | once())
        assert refusal(answer) == (403, "not_allowed")
        assert refusal(await counter.get(headers, session)) == (403, "not_allowed")


async def test_an_auditor_sees_all_sessions_and_a_supervisor_those_of_the_counter(counter: Counter) -> None:
    own = await counter.opened(counter.staff("clerk"))
    other = Counter(counter.world)
    await other.opened(other.staff("clerk"))
    seen = {}
    for role in ("auditor", "till_supervisor", "clerk"):
        items = (await counter.get(counter.staff(role), "")).json()["items"]
        seen[role] = [f"/{item['till_session_id']}" for item in items]
    assert len(seen["auditor"]) == 2
    assert seen["till_supervisor"] == [own]
    assert seen["clerk"] == []


@pytest.mark.parametrize(("division_code", "shown"), [("654003", 0), ("654002", 1), ("654000", 1)])
async def test_auditors_of_a_county_see_its_tills(
    world: World, counter: Counter, division_code: str, shown: int
) -> None:
    session = await counter.opened(counter.staff("clerk"))
    auditor = world.tokens.staff("auditor", division_code=division_code)
    assert len((await counter.get(auditor, "")).json()["items"]) == shown
    assert (await counter.get(auditor, session)).status_code == (200 if shown else 404)
