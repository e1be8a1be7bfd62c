"""Payments and notices, tested on every channel."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from chassis.db import now
from svc_payments.collection.notifications.models import Nonce
from svc_payments.collection.payments.models import Attempt, Payment
from tests.svc_payments.channels.every_channel.payer import Paying
from tests.svc_payments.channels.rigs.contract import Rig
from tests.svc_payments.world import World

CAPTURED = ["created", "pending", "captured"]


async def test_the_channel_is_offered_with_its_ways_of_paying(world: World, rig: Rig) -> None:
    listed = {
        entry["channel"]: entry["methods"] for entry in (await world.api.get("/payments/v1/channels")).json()["items"]
    }
    assert listed["sandbox"] == []
    assert rig.method in listed[rig.name]


async def test_confirming_again_returns_the_same_way_to_pay(paying: Paying) -> None:
    first, second = (await paying.confirm()).json(), (await paying.confirm(method=None)).json()
    assert first["method"] == paying.rig.method
    assert first["pay_url"] or first["pay_parameters"]
    assert (second["pay_url"], second["pay_parameters"]) == (first["pay_url"], first["pay_parameters"])


async def test_a_notice_captures_the_payment(paid: Paying) -> None:
    assert await paid.notify(paid.rig.paid_notice(await paid.number))
    assert await paid.trail() == CAPTURED
    assert await paid.entries() == 2


async def test_the_same_notice_many_times_at_once_and_signed_anew_has_one_effect(paid: Paying) -> None:
    notice, again = paid.rig.paid_notice(await paid.number), paid.rig.paid_notice(await paid.number)
    assert await asyncio.gather(*(paid.notify(one) for one in (notice, notice, again, notice))) == [True] * 4
    assert await paid.trail() == CAPTURED
    assert await paid.entries() == 2


async def test_a_notice_replayed_after_its_nonce_was_deleted_changes_nothing(paid: Paying) -> None:
    notice = paid.rig.paid_notice(await paid.number)
    assert await paid.notify(notice)
    async with paid.world.database.transaction() as tx:
        await tx.execute(delete(Nonce))
    await paid.notify(notice)
    assert await paid.trail() == CAPTURED
    assert await paid.entries() == 2


async def test_a_query_replaces_a_notice_that_never_came(paid: Paying) -> None:
    async with paid.world.database.transaction() as tx:
        await tx.execute(update(Attempt).values(ask_at=now()))
    async with paid.world.orders() as orders:
        assert await orders.ask_due() == 1
    assert await paid.trail() == CAPTURED
    assert await paid.notify(paid.rig.paid_notice(await paid.number))
    assert await paid.entries() == 2


async def test_a_notice_may_come_before_the_answer_to_the_order(created: Paying) -> None:
    rig = created.rig
    rig.forge_answers()
    # A channel whose order is a form sent by the payer has no answer to lose.
    unanswered = "unknown" if rig.answers_orders else "pending"
    assert (await created.confirm()).json()["status"] == unanswered
    rig.speak_again()
    await created.confirm()
    rig.pay(await created.number)
    assert await created.notify(rig.paid_notice(await created.number))
    lost = ["unknown", "pending"] if rig.answers_orders else []
    assert await created.trail() == ["created", "pending", *lost, "captured"]


async def test_a_notice_captures_an_expired_payment(paying: Paying) -> None:
    number = await paying.number
    await expire(paying)
    async with paying.world.orders() as orders:
        await orders.ask_due()
    assert await paying.status() == "expired"
    paying.rig.pay(number)
    assert await paying.notify(paying.rig.paid_notice(number))
    assert await paying.trail() == ["created", "pending", "expired", "captured"]


async def expire(paying: Paying) -> None:
    over = now() - timedelta(seconds=1)
    async with paying.world.database.transaction() as tx:
        await tx.execute(update(Payment).values(expires_at=over))
        await tx.execute(update(Attempt).values(ask_at=over))


@pytest.mark.parametrize(
    ("what", "incident"),
    [
        ("merchant", "other_merchant"),
        ("amount", "other_amount"),
        ("currency", "other_currency"),
        ("order", "unknown_order"),
    ],
)
async def test_a_notice_by_the_right_key_for_another_merchant_amount_or_order_is_refused(
    paid: Paying, what: str, incident: str
) -> None:
    number = await paid.number
    notice = paid.rig.wrong_notice(number, what)
    assert [await paid.notify(notice) for _ in range(2)] == [False, False]
    assert await paid.world.incidents() == [incident]
    assert await paid.trail() == ["created", "pending"]
    assert await paid.notify(paid.rig.paid_notice(number))


async def test_a_notice_changed_on_its_way_is_refused(paid: Paying) -> None:
    assert not await paid.notify(paid.rig.tampered(paid.rig.paid_notice(await paid.number)))
    assert await paid.trail() == ["created", "pending"]


async def test_a_notice_signed_by_somebody_else_is_refused(paid: Paying) -> None:
    assert not await paid.notify(paid.rig.forged(await paid.number))
    assert not await paid.notify(paid.rig.unsigned(paid.rig.paid_notice(await paid.number)))
    assert await paid.trail() == ["created", "pending"]
    assert await paid.world.incidents() == []


async def test_callback_signatures_that_fail_because_a_framework_re_encoded_the_body(paid: Paying) -> None:
    """Known trap: a framework parses and re-encodes the body before the check, so the check gets disabled."""
    raw, headers = paid.rig.paid_notice(await paid.number)
    again = paid.rig.encoded_again(raw)
    assert again != raw
    assert not await paid.notify((again, headers))
    assert await paid.notify((raw, headers))


async def test_a_cancelled_order_cannot_be_paid_any_more(paying: Paying) -> None:
    if not paying.rig.closes_orders:
        early = await paying.world.act(paying.person, paying.payment_id, "cancel")
        assert early.json()["status"] == "pending"
        assert await paying.world.bill_status(paying.bill_id) == "paying"
        await expire(paying)
    answer = await paying.world.act(paying.person, paying.payment_id, "cancel")
    assert answer.json()["status"] == "expired"
    assert await paying.world.bill_status(paying.bill_id) == "due"


async def test_an_order_paid_at_the_last_moment_is_not_cancelled(paid: Paying) -> None:
    answer = await paid.world.act(paid.person, paid.payment_id, "cancel")
    assert answer.json()["status"] == "captured"
