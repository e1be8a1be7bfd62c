"""A transaction of the channel belongs to one order, for ever."""

import asyncio

import pytest

from chassis.db import new_id
from tests.svc_payments.collection.notifications.test_notices import ONE_EFFECT, entries, paid_without_notice, refusal
from tests.svc_payments.collection.refunds.steps import balances
from tests.svc_payments.world import World


async def test_a_second_transaction_for_a_paid_order_is_posted_once(world: World) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    await world.notify(notice)
    for number in range(2):
        again = {**notice, "notice_id": f"n-{number}", "transaction_id": "another"}
        assert (await world.notify(again)).status_code == 204
    assert await world.incidents() == ["second_transaction"]
    assert await entries(world) == 2 + 2 + 2
    assert await world.trail(payment_id) == ONE_EFFECT


@pytest.mark.parametrize("times", [1, 5])
async def test_a_number_reported_again_with_another_amount_is_an_incident(world: World, times: int) -> None:
    """Of the payment and of money taken twice, one after the other and at once; the books stay as they are."""
    payment_id, notice = await paid_without_notice(world, new_id())
    second = {**notice, "notice_id": "n-1", "transaction_id": "another", "amount_fen": 700}
    for told in (notice, second):
        assert (await world.notify(told)).status_code == 204
    before = await entries(world), await balances(world), await world.trail(payment_id)
    others = [
        {**told, "notice_id": f"{told['transaction_id']}-{number}", "amount_fen": 701 + number}
        for told in (notice, second)
        for number in range(times)
    ]
    answers = await asyncio.gather(*map(world.notify, others))
    assert [refusal(answer) for answer in answers] == [(409, "notice_of_other_amount")] * 2 * times
    assert (await world.notify({**second, "notice_id": "n-2"})).status_code == 204
    assert (await entries(world), await balances(world), await world.trail(payment_id)) == before
    assert await world.incidents() == ["second_transaction", *["other_amount"] * 2 * times]


async def test_one_transaction_does_not_pay_two_orders(world: World) -> None:
    _, first = await paid_without_notice(world, new_id())
    second_payment, second = await paid_without_notice(world, new_id())
    await world.notify(first)
    stolen = {**second, "transaction_id": first["transaction_id"]}
    assert refusal(await world.notify(stolen)) == (409, "notice_of_reused_transaction")
    assert await world.trail(second_payment) == ["created", "pending"]


async def test_a_transaction_taken_twice_for_one_order_pays_no_other(world: World) -> None:
    _, first = await paid_without_notice(world, new_id())
    waiting, second = await paid_without_notice(world, new_id())
    await world.notify(first)
    assert (await world.notify({**first, "notice_id": "n-1", "transaction_id": "twice"})).status_code == 204
    before = await entries(world)
    for number in range(2):
        stolen = {**second, "notice_id": f"s-{number}", "transaction_id": "twice"}
        assert refusal(await world.notify(stolen)) == (409, "notice_of_reused_transaction")
    assert await world.trail(waiting) == ["created", "pending"]
    # Nor is it taken for money that a paid order got twice: it would be refunded a second time.
    await world.notify(second)
    again = {**second, "notice_id": "s-2", "transaction_id": "twice"}
    assert refusal(await world.notify(again)) == (409, "notice_of_reused_transaction")
    assert await world.trail(waiting) == ONE_EFFECT
    assert await entries(world) == before + 2
    assert await world.incidents() == ["second_transaction", *["transaction_reused"] * 3]


async def test_of_orders_that_race_for_one_transaction_one_has_it(world: World) -> None:
    paid, first = await paid_without_notice(world, new_id())
    others = [await paid_without_notice(world, new_id()) for _ in range(3)]
    await world.notify(first)
    # At once: for the paid order as money taken twice, and for each of the others as its payment.
    notices = [
        {**notice, "notice_id": f"r-{place}"} for place, notice in enumerate([first, *(each for _, each in others)])
    ]
    answers = await asyncio.gather(*(world.notify({**notice, "transaction_id": "one"}) for notice in notices))
    assert sorted(answer.status_code for answer in answers) == [204, 409, 409, 409]
    captured = [payment_id for payment_id, _ in others if await world.trail(payment_id) == ONE_EFFECT]
    kinds = await world.incidents()
    assert len(captured) + kinds.count("second_transaction") == 1
    assert kinds.count("transaction_reused") == 3
    assert await world.trail(paid) == ONE_EFFECT
