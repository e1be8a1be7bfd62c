"""A paused channel takes no new payments; those under way continue."""

import pytest
from sqlalchemy import text

from chassis.db import new_id
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.world import World

CHANNELS = "/payments/v1/channels"


def pause(world: World) -> None:
    """Pause the sandbox in the settings that the running app reads."""
    object.__setattr__(world.settings, "paused_channels", (ChannelName.SANDBOX,))


async def test_a_paused_channel_takes_no_new_payment(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    pause(world)
    answer = await world.create(person, bill)
    assert (answer.status_code, answer.json()["code"]) == (422, "channel_not_available")
    assert (await world.api.get(CHANNELS)).json() == {"items": []}
    assert await world.bill_status(bill) == "due"
    quote = await world.api.post(
        "/payments/v1/payment-quotes", json={"bill_ids": [str(bill)]}, headers=world.tokens.resident(person)
    )
    assert quote.json()["channels"] == []


async def test_a_payment_created_before_the_pause_is_not_placed_and_can_be_cancelled(world: World) -> None:
    person = new_id()
    payment = await world.created(person)
    pause(world)
    answer = await world.confirm(person, payment)
    assert (answer.status_code, answer.json()["code"]) == (422, "channel_not_available")
    assert await world.status(person, payment) == "created"
    assert (await world.act(person, payment, "cancel")).json()["status"] == "expired"


async def test_an_open_order_can_still_be_paid_and_is_polled(world: World) -> None:
    person = new_id()
    payment = await world.confirmed(person)
    pause(world)
    assert (await world.confirm(person, payment)).json()["pay_url"]
    await world.faults(drop_notices=1)
    await world.pay(payment)
    async with world.orders(ask_again_seconds=(60.0,)) as orders:
        await _due(world)
        assert await orders.ask_due() == 1
    assert await world.status(person, payment) == "captured"


async def test_channels_are_written_with_commas(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in {"": (), "sandbox": ("sandbox",), "wechat, alipay": ("wechat", "alipay")}.items():
        monkeypatch.setenv("MYILI_PAUSED_CHANNELS", value)
        given = settings.model_dump(exclude={"paused_channels"})
        assert Settings(**given).paused_channels == expected


async def _due(world: World) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE payment_attempts SET ask_at = now()"))
