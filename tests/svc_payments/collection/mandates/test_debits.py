"""Deductions under a mandate: announced in advance, made on the day and never twice."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from chassis.db import new_id, now
from chassis.testing import until
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.mandates.models import Debit, Mandate
from svc_payments.collection.mandates.worker import Mandates
from svc_payments.collection.payments.models import Attempt, Payment
from svc_payments.parties.accounts.models import AccountBinding
from tests.svc_payments.collection.mandates.giver import ACCOUNT, Giver, refusal, today, working_on
from tests.svc_payments.parties.providers.test_suspension import suspend
from tests.svc_payments.world import World


async def _paid(giver: Giver, mandates: Mandates, mandate: str) -> None:
    """Run the worker until the only deduction of a mandate is paid."""

    async def paid() -> bool:
        await mandates.work_due()
        return bool((await giver.debit(mandate))["status"] == "paid")

    await until(paid)


async def test_a_bill_is_announced_then_deducted_on_the_day(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    bill = await giver.bill(4140, days=2)
    debit = await giver.announced(mandates, mandate)
    assert debit["debit_on"] == (today() + timedelta(days=3)).isoformat()
    assert await world.bill_status(bill) == "due"
    await giver.day_comes()
    await _paid(giver, mandates, mandate)
    assert await world.bill_status(bill) in {"paid", "posted"}
    debit = await giver.debit(mandate)
    assert await world.trail(debit["payment_id"]) == ["created", "pending", "captured"]
    expected = ["requested", "activated", "debit_announced", "debit_ordered", "debit_paid"]
    assert await giver.events(mandate) == expected


async def test_the_announcement_names_amount_and_day(giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active(notice_days=5)
    bill = await giver.bill(4140, days=5)
    await giver.find_bills(mandates)
    event = await giver.last_event(mandate)
    assert event.type == "cn.ili.payments.mandate.debit_announced.v1"
    assert (event.data["bill_id"], event.data["amount_fen"]) == (str(bill), 4140)
    assert event.data["debit_on"] == (today() + timedelta(days=5)).isoformat()


async def test_nothing_is_deducted_before_the_day(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    await mandates.work_due()
    assert (await giver.debit(mandate))["status"] == "announced"
    assert await world.bill_status(bill) == "due"


async def test_bills_outside_the_notice_period_and_overdue_bills_are_ignored(giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    await giver.bill(days=4)
    await giver.bill(days=-1)
    await giver.find_bills(mandates)
    assert await giver.debits(mandate) == []


async def test_a_changed_amount_is_announced_again_with_the_whole_notice(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    mandate = await giver.active()
    bill = await giver.bill(4140)
    await giver.announced(mandates, mandate)
    async with world.database.transaction() as tx:
        await tx.execute(update(Bill).where(Bill.id == bill).values(amount_fen=5000))
    await giver.day_comes()
    await mandates.work_due()
    debit = await giver.debit(mandate)
    assert (debit["status"], debit["amount_fen"]) == ("announced", 5000)
    assert debit["debit_on"] == (today() + timedelta(days=3)).isoformat()
    assert await world.bill_status(bill) == "due"
    assert (await giver.events(mandate))[-2:] == ["debit_announced", "debit_announced"]


async def test_a_bill_paid_by_hand_is_not_deducted(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    await world.captured(giver.person_id, bill)
    await giver.day_comes()
    await mandates.work_due()
    assert (await giver.debit(mandate))["status"] == "unneeded"
    async with world.database.read() as tx:
        assert len((await tx.scalars(select(Payment))).all()) == 1


async def test_a_bill_being_paid_by_hand_is_deferred(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    payment = await world.created(giver.person_id, bill)
    await giver.day_comes()
    await mandates.work_due()
    assert (await giver.debit(mandate))["status"] == "announced"
    await world.act(giver.person_id, payment, "cancel")
    await giver.day_comes()
    await _paid(giver, mandates, mandate)


async def test_workers_that_order_at_once_deduct_once(world: World, giver: Giver) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    async with working_on(world) as first, working_on(world) as second:
        await giver.announced(first, mandate)
        await giver.day_comes()
        await asyncio.gather(first.work_due(), second.work_due())
        await _paid(giver, first, mandate)
    async with world.database.read() as tx:
        assert len((await tx.scalars(select(Attempt))).all()) == 1
    assert await world.bill_status(bill) == "paid"
    assert (await giver.events(mandate)).count("debit_ordered") == 1


async def test_the_database_allows_one_open_debit_of_a_bill(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    other = await _ended_mandate(world, giver)
    values = {"mandate_id": other, "bill_id": bill, "amount_fen": 1, "debit_on": today(), "try_at": now()}
    second = Debit(**values, status="announced", tries=0)
    with pytest.raises(IntegrityError, match="uq_mandate_debits_open_bill"):
        async with world.database.transaction() as tx:
            tx.add(second)


async def _ended_mandate(world: World, giver: Giver) -> UUID:
    """An earlier, cancelled mandate of the same account."""
    account = {"person_id": giver.person_id, "provider_id": world.provider_id, "account_number": ACCOUNT}
    ended = Mandate(
        id=new_id(),
        **account,
        channel="sandbox",
        limit_fen=1,
        notice_days=1,
        status="cancelled",
        asked=0,
        sign_by=now(),
    )
    async with world.database.transaction() as tx:
        tx.add(ended)
    return ended.id


async def test_a_lost_answer_is_queried_and_deducts_once(world: World, giver: Giver) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    async with working_on(world, channel_timeout_seconds=1.5) as mandates:
        await giver.announced(mandates, mandate)
        await giver.day_comes()
        await world.faults(deduction_timeouts=1, drop_notices=20)
        await mandates.work_due()
    debit = await giver.debit(mandate)
    assert await world.status(giver.person_id, debit["payment_id"]) == "unknown"
    async with world.orders() as orders:
        async with world.database.transaction() as tx:
            await tx.execute(update(Attempt).values(ask_at=now()))
        await orders.ask_due()
    assert await world.status(giver.person_id, debit["payment_id"]) == "captured"
    assert await world.bill_status(bill) == "paid"


async def test_a_deduction_pending_at_the_channel_is_awaited(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    await giver.bill()
    await giver.announced(mandates, mandate)
    await giver.day_comes()
    await world.faults(slow_deductions=1)
    await mandates.work_due()
    debit = await giver.debit(mandate)
    assert await world.status(giver.person_id, debit["payment_id"]) == "pending"
    await world.pay(debit["payment_id"])
    await _paid(giver, mandates, mandate)


async def test_a_deduction_without_funds_is_retried_on_the_next_days_then_fails(world: World, giver: Giver) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    async with working_on(world, deduct_again_days=2) as mandates:
        await giver.announced(mandates, mandate)
        await world.faults(insufficient_funds=3)
        for tries in (1, 2):
            await giver.day_comes()
            await mandates.work_due()
            await mandates.work_due()
            debit = await giver.debit(mandate)
            assert (debit["status"], debit["tries"], debit["reason"]) == ("announced", tries, "insufficient_funds")
            assert debit["debit_on"] == (today() + timedelta(days=1)).isoformat()
        await giver.day_comes()
        await mandates.work_due()
        await mandates.work_due()
    debit = await giver.debit(mandate)
    assert (debit["status"], debit["reason"]) == ("failed", "insufficient_funds")
    assert await world.bill_status(bill) == "due"
    outcomes = [event for event in await giver.events(mandate) if event in {"debit_postponed", "debit_failed"}]
    assert outcomes == ["debit_postponed", "debit_postponed", "debit_failed"]


async def test_funds_that_come_on_the_next_day_pay_the_bill_once(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    await giver.day_comes()
    await world.faults(insufficient_funds=1)
    await mandates.work_due()
    await mandates.work_due()
    await giver.day_comes()
    await _paid(giver, mandates, mandate)
    assert await world.bill_status(bill) == "paid"


async def test_a_cancelled_mandate_orders_nothing_that_was_announced(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    assert (await giver.post(f"{mandate}/cancel")).json()["status"] == "cancelled"
    await giver.day_comes()
    await mandates.work_due()
    assert (await giver.debit(mandate))["status"] == "withdrawn"
    assert await world.bill_status(bill) == "due"


async def test_a_cancellation_racing_the_deduction_either_withdraws_it_or_comes_after(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    await giver.day_comes()
    cancelled, _ = await asyncio.gather(giver.post(f"{mandate}/cancel"), mandates.work_due())
    assert cancelled.json()["status"] == "cancelled"
    debit = await giver.debit(mandate)
    if debit["status"] == "withdrawn":
        assert (debit["payment_id"], await world.bill_status(bill)) == (None, "due")
    else:
        await _paid(giver, mandates, mandate)


async def test_a_resumed_mandate_announces_again(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    assert (await giver.post(f"{mandate}/suspend")).json()["status"] == "suspended"
    await giver.day_comes()
    await giver.find_bills(mandates)
    assert (await giver.debit(mandate))["status"] == "withdrawn"
    assert await world.bill_status(bill) == "due"
    assert (await giver.post(f"{mandate}/resume")).json()["status"] == "active"
    await giver.announced(mandates, mandate)
    assert refusal(await giver.post(f"{mandate}/resume")) == (409, "illegal_move")


async def test_a_deduction_waits_while_its_provider_is_suspended(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    mandate = await giver.active()
    bill = await giver.bill()
    await giver.announced(mandates, mandate)
    await suspend(world)
    await giver.day_comes()
    await mandates.work_due()
    assert ((await giver.debit(mandate))["status"], await world.bill_status(bill)) == ("announced", "due")
    await suspend(world, suspended=False)
    await giver.day_comes()
    await _paid(giver, mandates, mandate)


async def test_the_bill_of_a_former_holder_is_not_deducted_from_the_next(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    mandate = await giver.active()
    async with world.database.transaction() as tx:
        next_month = (today().replace(day=1) + timedelta(days=31)).replace(day=1)
        await tx.execute(update(AccountBinding).values(held_from=next_month))
    await giver.bill()
    await giver.find_bills(mandates)
    assert (await giver.events(mandate))[-1] == "activated"
