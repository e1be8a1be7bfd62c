"""An order with unknown outcome blocks its bill and is polled until the outcome is known."""

import asyncio
from itertools import accumulate
from uuid import UUID

from sqlalchemy import select, update

from chassis.db import new_id, now
from chassis.testing import until
from svc_payments.collection.payments.models import Attempt, Payment
from svc_payments.collection.payments.orders import keep_asking
from svc_payments.settings import Settings
from tests.svc_payments.world import World, run_in_background


async def make_due(world: World, *, overdue: bool = False) -> None:
    """Make every order due for a query, and expired if `overdue`."""
    async with world.database.transaction() as tx:
        await tx.execute(update(Attempt).where(Attempt.ask_at.is_not(None)).values(ask_at=now()))
        if overdue:
            await tx.execute(update(Payment).values(expires_at=now()))


async def poll_order(world: World, *, overdue: bool = False) -> None:
    await make_due(world, overdue=overdue)
    async with world.orders() as orders:
        assert await orders.ask_due() == 1


async def test_a_silent_channel_leaves_the_payment_unknown_and_the_bill_blocked(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.created(person, bill)
    await world.faults(order_timeouts=1)
    answer = await world.confirm(person, payment_id)
    assert (answer.status_code, answer.json()["status"], answer.json()["pay_url"]) == (200, "unknown", None)
    assert (await world.create(person, bill)).json()["code"] == "payment_in_progress"
    assert await world.trail(payment_id) == ["created", "pending", "unknown"]


async def test_an_unknown_order_is_found_by_polling(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)
    await world.faults(order_timeouts=1)
    await world.confirm(person, payment_id)
    await poll_order(world)
    found = (await world.get(person, payment_id)).json()
    assert (found["status"], found["pay_url"].rpartition("/")[2]) == ("pending", await world.order_number(payment_id))
    assert await world.trail(payment_id) == ["created", "pending", "unknown", "pending"]


async def test_a_second_tap_on_an_unknown_payment_queries_the_same_order(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)
    await world.faults(order_timeouts=1)
    await world.confirm(person, payment_id)
    before = await world.order_number(payment_id)
    assert (await world.confirm(person, payment_id)).json()["status"] == "pending"
    assert await world.order_number(payment_id) == before


async def test_an_order_that_never_reached_the_channel_is_placed_by_polling(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)
    await world.faults(unavailable=1)
    assert (await world.confirm(person, payment_id)).json()["status"] == "unknown"
    await poll_order(world)
    assert await world.status(person, payment_id) == "pending"
    await world.pay(payment_id)


async def test_a_payment_whose_notice_is_lost_is_captured_by_polling(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.confirmed(person, bill)
    await world.faults(drop_notices=1)
    await world.pay(payment_id)
    await poll_order(world)
    assert await world.status(person, payment_id) == "captured"
    assert await world.trail(payment_id) == ["created", "pending", "captured"]
    assert await world.bill_status(bill) == "paid"


async def test_a_crash_between_the_attempt_and_the_call_is_recovered_by_polling(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)

    async def attempt_is_kept() -> bool:
        return await world.status(person, payment_id) == "pending"

    await world.faults(order_timeouts=1)
    async with world.orders() as orders:
        tap = asyncio.create_task(orders.confirm(person, UUID(payment_id)))
        await until(attempt_is_kept)
        tap.cancel()
        await asyncio.gather(tap, return_exceptions=True)
    assert (await world.get(person, payment_id)).json()["status"] == "pending"
    await world.faults()
    await poll_order(world)
    assert (await world.get(person, payment_id)).json()["pay_url"]


async def test_polling_follows_its_schedule_and_never_skips_the_expiry(world: World) -> None:
    person = new_id()
    payment_id = await world.confirmed(person)
    pauses = []
    for _ in range(4):
        await make_due(world)
        async with world.orders(ask_again_seconds=(60.0, 300.0, 900.0, 3600.0)) as orders:
            await orders.ask_due()
        async with world.database.read() as tx:
            attempt = (await tx.scalars(select(Attempt))).one()
            expires_at = (await tx.scalars(select(Payment.expires_at))).one()
        assert attempt.ask_at is not None
        pauses.append(attempt.ask_at)
    rounded = [round((ask_at - now()).total_seconds() / 60) for ask_at in pauses]
    assert rounded == [5, 15, 30, 30]
    assert pauses[-1] == expires_at
    assert await world.status(person, payment_id) == "pending"


async def test_two_workers_poll_an_order_once(world: World) -> None:
    await world.confirmed(new_id())
    await make_due(world)
    async with world.orders() as one, world.orders() as another:
        counts = await asyncio.gather(one.ask_due(), another.ask_due())
    assert sorted(counts) == [0, 1]


async def test_an_order_not_paid_in_time_is_closed_and_its_bill_free(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.confirmed(person, bill)
    await poll_order(world, overdue=True)
    assert await world.status(person, payment_id) == "expired"
    assert await world.bill_status(bill) == "due"
    closed = await world.channel.post(f"/cashier/{await world.order_number(payment_id)}", json={"account": "w"})
    assert closed.json()["code"] == "order_closed"
    assert (await world.create(person, bill)).status_code == 201


async def test_an_order_paid_in_the_last_second_is_captured_not_expired(world: World) -> None:
    person = new_id()
    payment_id = await world.confirmed(person)
    await world.faults(drop_notices=1)
    await world.pay(payment_id)
    await poll_order(world, overdue=True)
    assert await world.trail(payment_id) == ["created", "pending", "captured"]


async def test_an_overdue_order_is_unknown_while_the_channel_is_unavailable(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.confirmed(person, bill)
    await world.faults(unavailable=1)
    await poll_order(world, overdue=True)
    assert await world.status(person, payment_id) == "unknown"
    assert await world.bill_status(bill) == "paying"
    await poll_order(world)
    assert await world.status(person, payment_id) == "expired"


async def test_an_order_in_time_stays_pending_while_the_channel_is_unavailable(world: World) -> None:
    person = new_id()
    payment_id = await world.confirmed(person)
    await world.faults(unavailable=1)
    await poll_order(world)
    assert await world.status(person, payment_id) == "pending"


async def test_an_order_the_channel_never_had_is_expired_when_its_time_is_over(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.created(person, bill)
    await world.faults(unavailable=1)
    await world.confirm(person, payment_id)
    await poll_order(world, overdue=True)
    assert await world.status(person, payment_id) == "expired"
    assert await world.bill_status(bill) == "due"


async def test_an_order_the_channel_will_not_take_fails_and_frees_the_bill(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.created(person, bill)
    async with world.orders(merchant_id="no such merchant!") as orders:
        payment = await orders.confirm(person, UUID(payment_id))
    assert payment.status == "failed"
    assert await world.trail(payment_id) == ["created", "pending", "failed"]
    assert await world.bill_status(bill) == "due"


async def test_money_that_comes_after_the_expiry_still_pays_the_bill(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.confirmed(person, bill)
    order = (await world.channel.get(f"/cashier/{await world.order_number(payment_id)}")).json()
    await poll_order(world, overdue=True)
    late = world.notice_of(
        {**order, "merchant_id": "my-ili", "currency": "CNY", "transaction_id": "t-late", "paid_at": now().isoformat()}
    )
    assert (await world.notify(late)).status_code == 204
    assert await world.trail(payment_id) == ["created", "pending", "expired", "captured"]
    assert await world.bill_status(bill) == "paid"
    assert (await world.get(person, payment_id, "/receipt")).status_code == 200


async def test_money_that_comes_after_another_payment_of_the_bill_is_held(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    given_up = await world.confirmed(person, bill)
    order = (await world.channel.get(f"/cashier/{await world.order_number(given_up)}")).json()
    await poll_order(world, overdue=True)
    await world.captured(person, bill)
    late = world.notice_of(
        {**order, "merchant_id": "my-ili", "currency": "CNY", "transaction_id": "t-late", "paid_at": now().isoformat()}
    )
    assert (await world.notify(late)).status_code == 204
    found = (await world.get(person, given_up)).json()
    assert (found["status"], found["held"]) == ("reversing", True)
    assert (await world.get(person, given_up, "/receipt")).json()["code"] == "receipt_not_issued"
    assert await world.incidents() == ["money_held"]
    balance = await world.trial_balance()
    assert {kind["kind"]: kind["balance_fen"] for kind in balance["kinds"]} == {
        "channel_receivable": 2 * 4140,
        "person_clearing": -4140,
        "suspense": 0,
        "refunds": -4140,
    }


async def test_the_worker_polls_by_itself(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)
    await world.faults(unavailable=1)
    await world.confirm(person, payment_id)
    await make_due(world)

    async def known() -> bool:
        return await world.status(person, payment_id) == "pending"

    async with run_in_background(lambda: keep_asking(world.database, world.settings)):
        await until(known)


def test_by_default_an_order_is_polled_after_1_5_and_15_minutes_then_hourly_then_daily() -> None:
    pauses = Settings.model_fields["ask_again_seconds"].default
    moments = [seconds / 60 for seconds in accumulate(pauses)]
    assert {1, 5, 15} < set(moments)
    assert {pause / 60 for pause, moment in zip(pauses, moments, strict=True) if moment > 15} == {60, 24 * 60}
    assert pauses[-1] == 24 * 3600
