"""Deductions stopped by the limits of a mandate."""

import asyncio

from sqlalchemy import update

from svc_payments.billing.bills.models import Bill
from svc_payments.collection.mandates.worker import Mandates
from tests.svc_payments.collection.mandates.giver import Giver, working_on
from tests.svc_payments.world import World


async def test_a_mandate_beyond_its_limit_deducts_nothing(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active(limit_fen=4139)
    bill = await giver.bill(4140)
    await giver.find_bills(mandates)
    assert (await giver.debit(mandate))["status"] == "over_limit"
    event = await giver.last_event(mandate)
    assert (event.type.split(".")[-2], event.data["reason"]) == ("debit_over_limit", "above_limit")
    await giver.day_comes()
    await giver.find_bills(mandates)
    assert await world.bill_status(bill) == "due"
    assert (await giver.events(mandate)).count("debit_over_limit") == 1


async def test_of_two_bills_racing_for_the_rest_of_the_monthly_limit_one_gets_it(world: World, giver: Giver) -> None:
    mandate = await giver.active(limit_fen=5000, monthly_limit_fen=5000)
    for _ in range(2):
        await giver.bill(4140, days=3)
    async with working_on(world) as first, working_on(world) as second:
        await asyncio.gather(giver.find_bills(first), giver.find_bills(second))
    debits = await giver.debits(mandate)
    assert sorted(debit["status"] for debit in debits) == ["announced", "over_limit"]
    assert {debit["reason"] for debit in debits} == {None, "above_monthly_limit"}


async def test_an_amount_that_grew_above_the_limit_is_not_deducted(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    mandate = await giver.active()
    bill = await giver.bill(4140)
    await giver.announced(mandates, mandate)
    async with world.database.transaction() as tx:
        await tx.execute(update(Bill).where(Bill.id == bill).values(amount_fen=10_001))
    await giver.day_comes()
    await mandates.work_due()
    assert (await giver.debit(mandate))["status"] == "over_limit"
    assert await world.bill_status(bill) == "due"
