"""What holds for every channel, however it signs and whatever its words are."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import delete, func, select, update

from chassis.db import new_id, now
from chassis.testing import once
from svc_payments.channels.provider import (
    Absent,
    Closed,
    Order,
    Paid,
    RefundAbsent,
    Refunded,
    Refunding,
    RefundOrder,
    RefundRefused,
    Unclear,
    Waiting,
)
from svc_payments.channels.registry import open_channels
from svc_payments.collection.notifications.models import Nonce
from svc_payments.collection.payments.models import Attempt, Payment
from svc_payments.ledger.models import Entry
from svc_payments.settings import Settings
from tests.svc_payments.channels.rigs import RIGS, FullChannel, Rig, Told, running
from tests.svc_payments.world import World

CAPTURED = ["created", "pending", "captured"]


@pytest_asyncio.fixture(params=sorted(RIGS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Each channel in turn, running."""
    rig = RIGS[request.param]()
    async with running(rig):
        yield rig


@pytest.fixture
def settings(settings: Settings, rig: Rig) -> Settings:
    """Settings with which the channel is offered."""
    return settings.model_copy(update={rig.name.value: rig.settings})


@pytest_asyncio.fixture
async def channel(settings: Settings, rig: Rig) -> AsyncIterator[FullChannel]:
    async with open_channels(settings) as channels:
        yield cast(FullChannel, channels[rig.name])


@dataclass
class Paying:
    """A resident with a bill, who pays by the channel."""

    world: World
    rig: Rig
    person: UUID
    payment_id: str
    bill_id: UUID

    async def confirm(self, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        url = f"/payments/v1/payments/{self.payment_id}/confirm"
        answer = await self.world.api.post(
            url, json={"method": self.rig.method, **body}, headers=self.world.tokens.resident(self.person)
        )
        confirmed = answer.json()
        if confirmed["status"] == "pending":
            await self.rig.opened(confirmed["pay_url"], confirmed["pay_parameters"])
        return answer

    async def notify(self, told: Told) -> bool:
        raw, headers = told
        answer = await self.world.api.post(
            f"/payments/v1/channels/{self.rig.name}/notices", content=raw, headers=headers
        )
        return self.rig.taken(answer)

    @property
    def number(self) -> Any:  # noqa: ANN401 - awaitable text
        return self.world.order_number(self.payment_id)

    async def status(self) -> str:
        return await self.world.status(self.person, self.payment_id)

    async def trail(self) -> list[str]:
        return await self.world.trail(self.payment_id)

    async def entries(self) -> int:
        async with self.world.database.read() as tx:
            return await tx.scalar(select(func.count()).select_from(Entry)) or 0


@pytest_asyncio.fixture
async def created(world: World, rig: Rig) -> Paying:
    """A payment that is not confirmed."""
    person = new_id()
    bill_id = await world.bill(person)
    body = {"bill_ids": [str(bill_id)], "channel": rig.name}
    headers = world.tokens.resident(person) | once()
    answer = await world.api.post("/payments/v1/payments", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return Paying(world, rig, person, answer.json()["payment_id"], bill_id)


@pytest_asyncio.fixture
async def paying(created: Paying) -> Paying:
    """A payment that waits for its payer at the channel."""
    answer = await created.confirm()
    assert (answer.status_code, answer.json()["status"]) == (200, "pending"), answer.text
    return created


@pytest_asyncio.fixture
async def paid(paying: Paying) -> Paying:
    """A payment whose money the channel has, and of which we have not heard."""
    paying.rig.pay(await paying.number)
    return paying


async def test_the_channel_is_offered_with_its_ways_of_paying(world: World, rig: Rig) -> None:
    listed = {
        entry["channel"]: entry["methods"] for entry in (await world.api.get("/payments/v1/channels")).json()["items"]
    }
    assert listed["sandbox"] == []
    assert rig.method in listed[rig.name]


async def test_the_payer_is_told_how_to_pay_and_told_the_same_again(paying: Paying) -> None:
    first, second = (await paying.confirm()).json(), (await paying.confirm(method=None)).json()
    assert first["method"] == paying.rig.method
    assert first["pay_url"] or first["pay_parameters"]
    assert (second["pay_url"], second["pay_parameters"]) == (first["pay_url"], first["pay_parameters"])


async def test_a_notice_captures_the_payment(paid: Paying) -> None:
    assert await paid.notify(paid.rig.told(await paid.number))
    assert await paid.trail() == CAPTURED
    assert await paid.entries() == 2


async def test_the_same_notice_many_times_at_once_and_signed_anew_has_one_effect(paid: Paying) -> None:
    told, again = paid.rig.told(await paid.number), paid.rig.told(await paid.number)
    assert await asyncio.gather(*(paid.notify(one) for one in (told, told, again, told))) == [True] * 4
    assert await paid.trail() == CAPTURED
    assert await paid.entries() == 2


async def test_a_notice_played_again_when_its_nonce_is_forgotten_changes_nothing(paid: Paying) -> None:
    told = paid.rig.told(await paid.number)
    assert await paid.notify(told)
    async with paid.world.database.transaction() as tx:
        await tx.execute(delete(Nonce))
    await paid.notify(told)
    assert await paid.trail() == CAPTURED
    assert await paid.entries() == 2


async def test_a_notice_that_never_came_is_asked_for(paid: Paying) -> None:
    async with paid.world.database.transaction() as tx:
        await tx.execute(update(Attempt).values(ask_at=now()))
    async with paid.world.orders() as orders:
        assert await orders.ask_due() == 1
    assert await paid.trail() == CAPTURED
    assert await paid.notify(paid.rig.told(await paid.number))
    assert await paid.entries() == 2


async def test_a_notice_may_come_before_the_answer_to_the_order(created: Paying) -> None:
    rig = created.rig
    rig.forge_answers()
    # Where the order is a form that the payer brings to the channel, there is no answer to wait for.
    unanswered = "unknown" if rig.answers_orders else "pending"
    assert (await created.confirm()).json()["status"] == unanswered
    rig.speak_again()
    await created.confirm()
    rig.pay(await created.number)
    assert await created.notify(rig.told(await created.number))
    lost = ["unknown", "pending"] if rig.answers_orders else []
    assert await created.trail() == ["created", "pending", *lost, "captured"]


async def test_a_notice_after_the_payment_was_given_up_captures_it_all_the_same(paying: Paying) -> None:
    number = await paying.number
    await expire(paying)
    async with paying.world.orders() as orders:
        await orders.ask_due()
    assert await paying.status() == "expired"
    paying.rig.pay(number)
    assert await paying.notify(paying.rig.told(number))
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
    told = paid.rig.told_wrongly(number, what)
    assert [await paid.notify(told) for _ in range(2)] == [False, False]
    assert await paid.world.incidents() == [incident]
    assert await paid.trail() == ["created", "pending"]
    assert await paid.notify(paid.rig.told(number))


async def test_a_notice_changed_on_its_way_is_refused(paid: Paying) -> None:
    assert not await paid.notify(paid.rig.tampered(paid.rig.told(await paid.number)))
    assert await paid.trail() == ["created", "pending"]


async def test_a_notice_signed_by_somebody_else_is_refused(paid: Paying) -> None:
    assert not await paid.notify(paid.rig.forged(await paid.number))
    assert not await paid.notify(paid.rig.unsigned(paid.rig.told(await paid.number)))
    assert await paid.trail() == ["created", "pending"]
    assert await paid.world.incidents() == []


async def test_callback_signatures_that_fail_because_a_framework_re_encoded_the_body(paid: Paying) -> None:
    """The complaint: bodies were parsed and written again before the check, so people switched the check off."""
    raw, headers = paid.rig.told(await paid.number)
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


async def test_answers_that_somebody_else_signed_are_none(channel: FullChannel, rig: Rig) -> None:
    order = await placed(channel, rig)
    rig.pay(order.number)
    rig.forge_answers()
    assert isinstance(await channel.query(order), Unclear)
    assert isinstance(await channel.refund(refund_of(order, "T1")), Unclear)


def order_by(rig: Rig) -> Order:
    return Order(new_id().hex, 4140, now() + timedelta(minutes=5), rig.method)


async def placed(channel: FullChannel, rig: Rig) -> Order:
    order = order_by(rig)
    answer = await channel.place(order)
    assert isinstance(answer, Waiting)
    await rig.opened(answer.pay_url, answer.pay_parameters)
    return order


def refund_of(order: Order, transaction_id: str, amount_fen: int = 4140) -> RefundOrder:
    return RefundOrder(new_id().hex, order.number, transaction_id, amount_fen, order.amount_fen)


async def test_an_order_is_what_the_channel_says_it_is(channel: FullChannel, rig: Rig) -> None:
    assert isinstance(await channel.query(order_by(rig)), Absent)
    order = await placed(channel, rig)
    assert isinstance(await channel.query(order), Waiting | Absent)
    rig.pay(order.number)
    answer = await channel.query(order)
    assert isinstance(answer, Paid)
    assert (answer.amount_fen, answer.currency) == (4140, "CNY")
    assert abs(answer.paid_at - now()) < timedelta(seconds=10)
    assert await channel.close(order) == answer


async def test_a_closed_order_is_closed(channel: FullChannel, rig: Rig) -> None:
    order = await placed(channel, rig)
    if not rig.closes_orders:
        assert isinstance(await channel.close(order), Waiting)
        order = replace(order, expires_at=now())
    assert isinstance(await channel.close(order), Closed)
    assert isinstance(await channel.query(order), Closed)


async def test_their_own_trouble_leaves_everything_open(channel: FullChannel, rig: Rig) -> None:
    order = await placed(channel, rig)
    for ask in (channel.query, channel.place, channel.close):
        rig.silence()
        assert isinstance(await ask(order), Unclear | Waiting)


async def test_money_goes_back_once_under_one_number(channel: FullChannel, rig: Rig) -> None:
    order, transaction_id = await paid_order(channel, rig)
    refund = refund_of(order, transaction_id, 1000)
    assert isinstance(await channel.query_refund(refund), RefundAbsent)
    for _ in range(2):
        assert isinstance(await channel.refund(refund), Refunding | Refunded)
    rig.finish_refund(refund.number)
    answer = await channel.query_refund(refund)
    assert isinstance(answer, Refunded)
    assert answer.amount_fen == 1000
    assert rig.refunded_fen(order.number) == 1000


async def paid_order(channel: FullChannel, rig: Rig) -> tuple[Order, str]:
    order = await placed(channel, rig)
    rig.pay(order.number)
    answer = await channel.query(order)
    assert isinstance(answer, Paid)
    return order, answer.transaction_id


async def test_no_more_goes_back_than_was_paid(channel: FullChannel, rig: Rig) -> None:
    order, transaction_id = await paid_order(channel, rig)
    assert isinstance(await channel.refund(refund_of(order, transaction_id, 3000)), Refunding | Refunded)
    assert isinstance(await channel.refund(refund_of(order, transaction_id, 1141)), RefundRefused)
    assert rig.refunded_fen(order.number) == 3000


async def test_their_trouble_with_a_refund_leaves_it_open(channel: FullChannel, rig: Rig) -> None:
    order, transaction_id = await paid_order(channel, rig)
    rig.silence()
    refund = refund_of(order, transaction_id)
    assert isinstance(await channel.refund(refund), Unclear)
    rig.silence()
    assert isinstance(await channel.query_refund(refund), Unclear)
    assert isinstance(await channel.query_refund(refund), RefundAbsent)
