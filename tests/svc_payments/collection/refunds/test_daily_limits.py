"""What one operator may refund on a day, of many payments, one after the other and all at once."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text

from chassis.db import new_id
from tests.svc_payments.collection.refunds.test_decisions import Headers, act, code, completed, propose
from tests.svc_payments.world import World

FEN = 4140


async def payments(world: World, number: int) -> list[str]:
    return [(await completed(world, FEN))[1] for _ in range(number)]


async def propose_at_once(world: World, operator: Headers, ids: list[str]) -> Counter[str]:
    """What became of refunds that one operator began at the same moment: their status, or why they were refused."""
    answers = await asyncio.gather(*(propose(world, payment_id, operator) for payment_id in ids))
    return Counter(
        answer.json()["items"][0]["status"] if answer.status_code == 201 else code(answer)[1] for answer in answers
    )


@pytest.mark.parametrize(("limit", "most"), [("refund_day_alone_fen", 2 * FEN + 1), ("refund_day_alone_count", 2)])
async def test_beyond_the_day_of_one_operator_a_second_one_decides(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setitem(world.settings.__dict__, limit, most)
    operator, ids = world.tokens.staff("operator"), await payments(world, 6)
    assert await propose_at_once(world, operator, ids[:5]) == {"unbooking": 2, "proposed": 3}
    assert await propose_at_once(world, world.tokens.staff("operator"), ids[5:]) == {"unbooking": 1}


@pytest.mark.parametrize(("limit", "most"), [("refund_day_fen", 2 * FEN), ("refund_day_count", 2)])
async def test_beyond_the_limit_of_a_day_other_operators_decide(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setitem(world.settings.__dict__, limit, most)
    monkeypatch.setitem(world.settings.__dict__, "refund_second_person_fen", 0)
    first, second = (world.tokens.staff("operator") for _ in range(2))
    ids = await payments(world, 3)
    assert await propose_at_once(world, first, ids) == {"proposed": 2, "refund_day_limit_reached": 1}
    waiting = [
        item["refund_id"]
        for item in (await world.api.get("/payments/v1/refund-worklist", headers=world.tokens.staff("auditor"))).json()[
            "items"
        ]
    ]
    (more,) = (await propose(world, await left_of(world, ids), world.tokens.staff("operator"))).json()["items"]
    answers = [await act(world, refund_id, "approve", second) for refund_id in [*waiting, more["refund_id"]]]
    assert [code(answer) for answer in answers] == [(200, ""), (200, ""), (409, "refund_day_limit_reached")]
    assert code(await act(world, more["refund_id"], "approve")) == (200, "")


async def left_of(world: World, ids: list[str]) -> str:
    """The payment that has no refund yet."""
    for payment_id in ids:
        auditor = world.tokens.staff("auditor")
        found = await world.api.get("/payments/v1/refund-worklist", params={"payment_id": payment_id}, headers=auditor)
        if not found.json()["items"]:
            return payment_id
    raise AssertionError(ids)


async def test_a_days_limit_ends_with_the_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.settings.__dict__, "refund_day_count", 1)
    person = new_id()
    operator, ids = world.tokens.staff("operator", person_id=person), await payments(world, 2)
    assert await propose_at_once(world, operator, ids[:1]) == {"unbooking": 1}
    assert await propose_at_once(world, operator, ids[1:]) == {"refund_day_limit_reached": 1}
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE refund_operator_days SET day = day - 1"))
    assert await propose_at_once(world, operator, ids[1:]) == {"unbooking": 1}
