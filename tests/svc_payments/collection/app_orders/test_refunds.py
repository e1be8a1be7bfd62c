"""A payee gives back through the app's server: whole or in parts, never above what was paid."""

import asyncio

import pytest_asyncio

from tests.svc_payments.collection.app_orders.desk import ORDERS, Desk, library
from tests.svc_payments.collection.refunds.steps import balances, step
from tests.svc_payments.world import World


@pytest_asyncio.fixture
async def desk(world: World) -> Desk:
    return await library(world)


async def listed(desk: Desk, order_id: str) -> list[tuple[str, int, str]]:
    answer = await desk.world.api.get(f"{ORDERS}/{order_id}/refunds", headers=desk.server())
    return [(each["refund_number"], each["amount_fen"], each["status"]) for each in answer.json()["items"]]


async def test_a_whole_refund_takes_the_booking_back_first(desk: Desk) -> None:
    order_id = await desk.created()
    payment_id = await desk.paid(order_id)
    begun = await desk.refund(order_id, 10_000, "R-1")
    assert (begun.status_code, begun.json()["status"]) == (201, "unbooking")
    await desk.go_back()
    assert await listed(desk, order_id) == [("R-1", 10_000, "refunded")]
    assert (await desk.status(order_id), await balances(desk.world)) == ("refunded", {})
    assert await desk.world.status(desk.person_id, payment_id) == "refunded"
    assert await desk.broken_rules() == []


async def test_parts_go_back_until_nothing_is_left(desk: Desk) -> None:
    order_id = await desk.created()
    await desk.paid(order_id)
    for amount_fen in (3_000, 3_000):
        assert (await desk.refund(order_id, amount_fen)).json()["status"] == "started"
        await step(desk.world)
    order = (await desk.get(order_id)).json()
    assert (order["status"], order["refunded_fen"]) == ("paid", 6_000)
    assert (await balances(desk.world))["provider_payable"] == -4_000
    above = await desk.refund(order_id, 4_001)
    assert (above.status_code, above.json()["code"]) == (409, "refund_exceeds_paid")
    assert (await desk.refund(order_id, 4_000)).status_code == 201
    await desk.go_back()
    assert (await desk.status(order_id), await balances(desk.world)) == ("refunded", {})
    assert await desk.broken_rules() == []


async def test_refunds_at_once_never_exceed_what_was_paid(desk: Desk) -> None:
    order_id = await desk.created()
    await desk.paid(order_id)
    answers = await asyncio.gather(*(desk.refund(order_id, 4_000) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [201, 201, 409, 409, 409]
    await step(desk.world)
    assert (await desk.get(order_id)).json()["refunded_fen"] == 8_000
    assert await desk.broken_rules() == []


async def test_a_number_is_one_refund(desk: Desk) -> None:
    order_id, other = await desk.created(), await desk.created()
    await desk.paid(order_id)
    await desk.paid(other)
    answers = await asyncio.gather(*(desk.refund(order_id, 1_000, "R-1") for _ in range(4)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["refund_id"] for each in answers}) == 1
    for refused in (await desk.refund(order_id, 1_001, "R-1"), await desk.refund(other, 1_000, "R-1")):
        assert (refused.status_code, refused.json()["code"]) == (409, "refund_number_used")
    assert await listed(desk, order_id) == [("R-1", 1_000, "started")]


async def test_an_unpaid_order_has_nothing_to_give_back(desk: Desk) -> None:
    order_id = await desk.created()
    refused = await desk.refund(order_id, 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_not_paid")
    await desk.confirmed(order_id)
    refused = await desk.refund(order_id, 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_not_paid")


async def test_above_the_limit_of_one_person_an_operator_decides(desk: Desk) -> None:
    order_id = await desk.created(amount_fen=40_000)
    await desk.paid(order_id)
    waiting = await desk.refund(order_id, 30_000, "R-1")
    assert (waiting.status_code, waiting.json()["status"]) == (201, "requested")
    refund_id = waiting.json()["refund_id"]
    for _ in range(2):  # the first operator's word becomes a proposal, the second one decides
        headers = desk.world.tokens.staff("operator") | {"Idempotency-Key": refund_id + str(_)}
        answer = await desk.world.api.post(f"/payments/v1/refunds/{refund_id}/approve", headers=headers)
        assert answer.status_code == 200, answer.text
    await step(desk.world)
    assert await listed(desk, order_id) == [("R-1", 30_000, "refunded")]
    assert (await balances(desk.world))["provider_payable"] == -10_000
