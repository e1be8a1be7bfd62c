"""A resident pays: from the intent to the receipt, through the real channel and the reference provider."""

import asyncio

import pytest

from chassis.db import new_id
from chassis.testing import once, until
from svc_payments.postings.delivery import Delivery
from tests.svc_payments.world import World, working


async def test_a_payment_goes_from_the_tap_to_the_providers_books(world: World) -> None:
    person, bill = new_id(), None
    bill = await world.bill(person, 4140)
    payment_id = await world.confirmed(person, bill)
    await world.pay(payment_id)

    async def completed() -> bool:
        return await world.status(person, payment_id) == "completed"

    async with working(Delivery(world.database, world.settings).run):
        await until(completed)
    assert await world.trail(payment_id) == ["created", "pending", "captured", "completed"]
    assert await world.bill_status(bill) == "posted"
    assert [row["amount_fen"] for row in world.company.booked()] == [4140]
    receipt = (await world.get(person, payment_id, "/receipt")).json()
    assert receipt["bills"][0]["provider_reference"] == world.company.booked()[0]["provider_reference"]
