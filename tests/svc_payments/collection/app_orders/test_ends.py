"""Orders that end: closed, expired, taken down; and money that comes all the same."""

import asyncio

import pytest_asyncio
from sqlalchemy import select

from chassis.testing import once
from svc_payments.billing.app_orders.models import AppOrder
from svc_payments.collection.app_orders.closing import close_ended, expire_due
from tests.svc_payments.collection.app_orders.desk import Desk, library
from tests.svc_payments.collection.refunds.steps import balances, refunds, step
from tests.svc_payments.world import World


@pytest_asyncio.fixture
async def desk(world: World) -> Desk:
    return await library(world)


async def end_what_may_not_be_collected(desk: Desk) -> None:
    async with desk.world.orders() as orders:
        await close_ended(orders)


async def test_a_closed_order_is_not_paid(desk: Desk) -> None:
    order_id = await desk.created()
    digest = (await desk.open(order_id)).json()["digest"]
    assert [(await desk.close(order_id)).json()["status"] for _ in range(2)] == ["closed", "closed"]
    refused = await desk.pay(order_id, digest)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_not_payable")


async def test_closing_ends_an_unconfirmed_payment(desk: Desk) -> None:
    order_id = await desk.created()
    payment_id = await desk.begun(order_id)
    assert (await desk.close(order_id)).json()["status"] == "closed"
    assert await desk.world.status(desk.person_id, payment_id) == "expired"
    assert await desk.broken_rules() == []


async def test_closing_ends_a_payment_at_the_channel(desk: Desk) -> None:
    order_id = await desk.created()
    payment_id = await desk.confirmed(order_id)
    assert (await desk.close(order_id)).json()["status"] == "closed"
    assert await desk.world.status(desk.person_id, payment_id) == "expired"


async def test_money_that_the_channel_has_wins_over_closing(desk: Desk) -> None:
    order_id = await desk.created()
    payment_id = await desk.confirmed(order_id)
    await desk.world.faults(drop_notices=1)
    await desk.world.pay(payment_id)
    assert (await desk.close(order_id)).json()["status"] == "paying"
    await desk.book()
    assert await desk.status(order_id) == "paid"
    again = await desk.close(order_id)
    assert (again.status_code, again.json()["code"]) == (409, "order_already_paid")


async def test_of_closing_and_confirming_at_once_one_wins(desk: Desk) -> None:
    for _ in range(5):
        order_id = await desk.created(amount_fen=100)
        digest = (await desk.open(order_id)).json()["digest"]
        closed, begun = await asyncio.gather(desk.close(order_id), desk.pay(order_id, digest))
        if closed.status_code == 409:
            assert closed.json()["code"] == "order_busy"
            closed = await desk.close(order_id)
        assert closed.json()["status"] == "closed"
        assert begun.status_code in {201, 409}
    assert await desk.broken_rules() == []


async def test_money_that_comes_after_the_end_goes_back_by_itself(desk: Desk) -> None:
    order_id = await desk.created()
    payment_id = await desk.confirmed(order_id)
    number = await desk.world.order_number(payment_id)
    await desk.close(order_id)
    paid = {
        "merchant_id": desk.world.settings.merchant_id,
        "order_number": number,
        "transaction_id": "late-1",
        "amount_fen": 10_000,
        "currency": "CNY",
        "paid_at": "2026-12-01T03:00:00+00:00",
    }
    assert (await desk.world.notify(desk.world.notice_of(paid))).status_code == 204
    assert await desk.status(order_id) == "closed"
    ((reason, amount_fen),) = [(each.reason, each.amount_fen) for each in await refunds(desk.world)]
    assert (reason, amount_fen) == ("money_held", 10_000)
    assert "provider_payable" not in await balances(desk.world)
    assert await desk.broken_rules() == []


async def test_an_order_can_be_paid_after_a_payment_that_came_to_nothing(desk: Desk) -> None:
    order_id = await desk.created()
    first = await desk.begun(order_id)
    assert (await desk.world.act(desk.person_id, first, "cancel")).json()["status"] == "expired"
    assert await desk.status(order_id) == "open"
    await desk.paid(order_id)
    assert await desk.status(order_id) == "paid"
    assert await desk.broken_rules() == []


async def test_an_order_expires_and_the_time_of_its_payment_is_its_own(desk: Desk) -> None:
    order_id = await desk.created(expires_in_seconds=300)
    ends = (await desk.get(order_id)).json()["expires_at"]
    payment_id = await desk.confirmed(order_id)
    payment = (await desk.world.get(desk.person_id, payment_id)).json()
    assert payment["expires_at"] <= ends
    other = await desk.created()
    digest = (await desk.open(other)).json()["digest"]
    await desk.age(other)
    refused = await desk.pay(other, digest)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_not_payable")
    await expire_due(desk.world.database)
    assert [await desk.status(each) for each in (order_id, other)] == ["paying", "expired"]
    await desk.age(order_id)
    await desk.world.act(desk.person_id, payment_id, "cancel")
    assert await desk.status(order_id) == "expired"


async def test_a_take_down_closes_open_orders_and_new_ones_are_refused(desk: Desk) -> None:
    waiting, begun, placed, paid = [await desk.created() for _ in range(4)]
    await desk.paid(paid)
    await desk.begun(begun)
    await desk.confirmed(placed)
    digest = (await desk.open(waiting)).json()["digest"]
    await desk.suspend_client()
    refused = await desk.pay(waiting, digest)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_not_payable")
    new = await desk.create()
    assert (new.status_code, new.json()["code"]) == (403, "client_suspended")
    await end_what_may_not_be_collected(desk)
    async with desk.world.database.read() as tx:
        found = {str(each.id): each.status for each in await tx.scalars(select(AppOrder))}
    assert [found[each] for each in (waiting, begun, placed, paid)] == ["closed", "closed", "closed", "paid"]


async def test_a_suspended_payee_collects_nothing_and_still_gives_back(desk: Desk) -> None:
    waiting, paid = await desk.created(), await desk.created()
    await desk.paid(paid)
    assert (await desk.staff(f"/{desk.payee_id}/suspend", {"reason": "complaint"})).status_code == 200
    refused = await desk.create()
    assert (refused.status_code, refused.json()["code"]) == (409, "payee_not_approved")
    await end_what_may_not_be_collected(desk)
    assert await desk.status(waiting) == "closed"
    assert (await desk.refund(paid, 10_000)).status_code == 201
    await desk.go_back()
    await step(desk.world)
    assert (await desk.status(paid), await balances(desk.world)) == ("refunded", {})


async def test_money_of_a_payee_that_was_suspended_meanwhile_is_booked(desk: Desk) -> None:
    order_id = await desk.created()
    payment_id = await desk.confirmed(order_id)
    await desk.arrive(payment_id)
    await desk.staff(f"/{desk.payee_id}/suspend", {"reason": "complaint"})
    await desk.book()
    assert await desk.status(order_id) == "paid"


async def test_an_app_whose_payee_has_ended_it_collects_nothing(desk: Desk) -> None:
    order_id = await desk.created()
    (tie,) = (
        await desk.world.api.get(
            f"/payments/v1/payees/{desk.payee_id}/apps", headers=desk.world.tokens.staff("auditor")
        )
    ).json()["items"]
    path = f"/payments/v1/payees/{desk.payee_id}/apps/{tie['payee_app_id']}/end"
    assert (await desk.world.api.post(path, headers=desk.agent() | once())).status_code == 200
    refused = await desk.create()
    assert (refused.status_code, refused.json()["code"]) == (403, "payee_not_agreed")
    await end_what_may_not_be_collected(desk)
    assert await desk.status(order_id) == "closed"
