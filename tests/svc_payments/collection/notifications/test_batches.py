"""Batched notices: captured in one transaction, each with the outcome it would have alone."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import func, select, text, update

from chassis import telemetry
from chassis.db import Database, new_id
from chassis.testing import emitted
from svc_payments.billing.bills.models import Bill, BillStatus
from svc_payments.channels.notices import NotifyingChannel, PaidNotice
from svc_payments.channels.registry import open_channels
from svc_payments.collection.notifications.batches import NoticeBatches
from svc_payments.collection.notifications.service import (
    NonceReused,
    NoticeOfOtherAmount,
    NoticeOfReusedTransaction,
    NoticeRefused,
)
from svc_payments.collection.payments.models import Attempt, Payment
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.receipts.models import Receipt
from svc_payments.ledger.models import Entry, Link
from svc_payments.oversight.incidents.models import Incident
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.pending_payments import RawNotice, notice_of, open_payments, signed
from tests.svc_payments.world import World, run_in_background

SANDBOX = ChannelName.SANDBOX
Outcome = NoticeRefused | BaseException | None


@dataclass
class Desk:
    """Batches the notices of one process; notices submitted together form one group."""

    database: Database
    channel: NotifyingChannel
    key: RSAPrivateKey
    groups: NoticeBatches

    async def together(self, *notices: dict[str, Any]) -> Sequence[Outcome]:
        return await self.deliver(*(signed(self.key, notice) for notice in notices))

    async def deliver(self, *messages: RawNotice) -> Sequence[Outcome]:
        tasks = [asyncio.ensure_future(self._take(*message)) for message in messages]
        await asyncio.sleep(0)  # let every task start waiting before the worker runs
        async with run_in_background(self.groups.work):
            return await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, raw: bytes, headers: dict[str, str]) -> NoticeRefused | None:
        notice = await self.channel.read_notice(headers, raw)
        assert isinstance(notice, PaidNotice)
        return await self.groups.take(SANDBOX, notice, "my-ili")

    async def count(self, model: type[Any]) -> int:
        async with self.database.read() as tx:
            return await tx.scalar(select(func.count()).select_from(model)) or 0

    async def statuses(self, payments: Sequence[Payment]) -> list[str]:
        async with self.database.read() as tx:
            ids = [payment.id for payment in payments]
            return list(await tx.scalars(select(Payment.status).where(Payment.id.in_(ids)).order_by(Payment.id)))

    async def trails(self) -> list[tuple[str, str]]:
        """Events as pairs of payment and event name."""
        async with self.database.read() as tx:
            return sorted((event.key, event.type.split(".")[-2]) for event in await emitted(tx))


@pytest_asyncio.fixture
async def desk(database: Database, settings: Settings, rsa_keys: dict[str, RSAPrivateKey]) -> AsyncIterator[Desk]:
    async with open_channels(settings) as channels:
        channel: Any = channels[SANDBOX]
        yield Desk(database, channel, rsa_keys["channel_key"], NoticeBatches(database))


async def test_what_arrives_together_is_one_transaction(desk: Desk) -> None:
    payments = await open_payments(desk.database, 30)
    assert await desk.together(*map(notice_of, payments)) == [None] * 30
    assert await desk.statuses(payments) == ["captured"] * 30
    assert await desk.trails() == [(str(payment.id), "captured") for payment in payments]
    counts = {model: await desk.count(model) for model in (Link, Entry, Receipt, Posting)}
    assert counts == {Link: 1, Entry: 60, Receipt: 30, Posting: 30}


async def test_one_notice_waits_for_no_other(desk: Desk) -> None:
    (payment,) = await open_payments(desk.database, 1)
    assert await desk.together(notice_of(payment)) == [None]
    assert await desk.statuses([payment]) == ["captured"]


async def test_a_group_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("svc_payments.collection.notifications.batches.MOST_TOGETHER", 4)
    payments = await open_payments(desk.database, 10)
    assert await desk.together(*map(notice_of, payments)) == [None] * 10
    assert await desk.count(Link) == 3


async def test_the_same_notice_twenty_times_in_a_group_has_one_effect(desk: Desk) -> None:
    (payment,) = await open_payments(desk.database, 1)
    same = signed(desk.key, notice_of(payment))
    assert await desk.deliver(*[same] * 20) == [None] * 20
    assert await desk.trails() == [(str(payment.id), "captured")]
    assert await desk.count(Entry) == 2


async def test_the_same_content_under_twenty_nonces_in_a_group_has_one_effect(desk: Desk) -> None:
    (payment,) = await open_payments(desk.database, 1)
    notice = notice_of(payment)
    assert await desk.together(*[notice] * 20) == [None] * 20
    assert await desk.trails() == [(str(payment.id), "captured")]
    assert await desk.count(Entry) == 2


async def test_two_transactions_of_one_payment_in_a_group_are_both_in_the_books_and_one_goes_back(desk: Desk) -> None:
    (payment,) = await open_payments(desk.database, 1)
    assert await desk.together(notice_of(payment), notice_of(payment)) == [None, None]
    assert (str(payment.id), "captured") in await desk.trails()
    async with desk.database.read() as tx:
        assert list(await tx.scalars(select(Incident.kind))) == ["second_transaction"]
    assert await desk.count(Receipt) == 1


async def test_one_transaction_for_two_orders_in_a_group_pays_one(desk: Desk) -> None:
    first, second = await open_payments(desk.database, 2)
    number = new_id().hex
    outcomes = await desk.together(notice_of(first, transaction_id=number), notice_of(second, transaction_id=number))
    assert outcomes[0] is None
    assert isinstance(outcomes[1], NoticeOfReusedTransaction)
    assert await desk.statuses([first, second]) == ["captured", "pending"]


async def test_a_nonce_with_two_contents_in_a_group_is_good_for_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await open_payments(desk.database, 2)
    nonce = secrets.token_hex(16)
    monkeypatch.setattr(secrets, "token_hex", lambda _: nonce)
    outcomes = await desk.together(notice_of(first), notice_of(second))
    assert outcomes[0] is None
    assert isinstance(outcomes[1], NonceReused)
    assert await desk.statuses([first, second]) == ["captured", "pending"]


async def test_a_group_with_a_wrong_notice_refuses_that_one_alone(desk: Desk) -> None:
    payments = await open_payments(desk.database, 5)
    notices = [notice_of(payment) for payment in payments]
    notices[2]["amount_fen"] += 1
    outcomes = await desk.together(*notices)
    assert isinstance(outcomes[2], NoticeOfOtherAmount)
    assert [outcome for place, outcome in enumerate(outcomes) if place != 2] == [None] * 4
    assert await desk.statuses(payments) == ["captured", "captured", "pending", "captured", "captured"]
    async with desk.database.read() as tx:
        assert list(await tx.scalars(select(Incident.kind))) == ["other_amount"]


async def test_a_member_that_cannot_be_captured_fails_alone_among_fifty_good_ones(desk: Desk) -> None:
    payments = await open_payments(desk.database, 51)
    bad = payments[25]
    async with desk.database.transaction() as tx:  # inconsistent on purpose: open payment, due bill
        await tx.execute(update(Bill).where(Bill.id == bad.bill_ids[0]).values(status=BillStatus.DUE, paid_fen=4140))
    outcomes = await desk.together(*map(notice_of, payments))
    assert [isinstance(outcome, BaseException) for outcome in outcomes] == [payment is bad for payment in payments]
    assert await desk.statuses(payments) == ["pending" if payment is bad else "captured" for payment in payments]
    assert await desk.count(Receipt) == 50


async def test_each_event_belongs_to_the_trace_of_its_own_notice(desk: Desk) -> None:
    payments = await open_payments(desk.database, 3)
    traces = {str(payment.id): f"00-{payment.id.hex}-{payment.id.hex[:16]}-01" for payment in payments}

    async def traced(payment: Payment) -> None:
        telemetry.continue_trace(traces[str(payment.id)])
        await desk._take(*signed(desk.key, notice_of(payment)))  # noqa: SLF001 - as in `together`, but each in its own trace context

    tasks = [asyncio.create_task(traced(payment)) for payment in payments]
    await asyncio.sleep(0)
    async with run_in_background(desk.groups.work):
        await asyncio.gather(*tasks)
    async with desk.database.read() as tx:
        rows = await tx.execute(
            text("SELECT key, convert_from(payload, 'UTF8')::jsonb ->> 'traceparent' AS parent FROM outbox")
        )
        assert {row.key: row.parent for row in rows} == traces
    assert await desk.count(Link) == 1


async def test_two_processes_with_the_same_notices_in_opposite_order_do_not_deadlock(desk: Desk) -> None:
    payments = await open_payments(desk.database, 40)
    messages = [signed(desk.key, notice_of(payment)) for payment in payments]
    other = Desk(desk.database, desk.channel, desk.key, NoticeBatches(desk.database))
    outcomes = await asyncio.gather(desk.deliver(*messages), other.deliver(*reversed(messages)))
    assert [list(each) for each in outcomes] == [[None] * 40] * 2
    assert await desk.count(Entry) == 80
    assert await desk.count(Receipt) == 40


async def test_a_cancelled_waiter_does_not_block_the_others(desk: Desk) -> None:
    payments = await open_payments(desk.database, 3)
    messages = [signed(desk.key, notice_of(payment)) for payment in payments]
    tasks = [asyncio.create_task(desk._take(*message)) for message in messages]  # noqa: SLF001 - one is cancelled
    await asyncio.sleep(0)
    tasks[1].cancel()
    async with run_in_background(desk.groups.work):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert outcomes[0] is outcomes[2] is None
    assert await desk.statuses(payments) == ["captured"] * 3


async def _paid_without_notice(world: World, person: UUID) -> tuple[str, dict[str, Any]]:
    payment_id = await world.confirmed(person)
    await world.faults(drop_notices=1_000)
    return payment_id, world.notice_of(await world.pay(payment_id))


async def test_a_notice_and_the_workers_query_at_once_capture_once(world: World) -> None:
    payment_id, notice = await _paid_without_notice(world, new_id())
    async with world.database.transaction() as tx:
        await tx.execute(update(Attempt).values(ask_at=func.now()))
    async with world.orders() as orders:
        polled, answer = await asyncio.gather(orders.ask_due(), world.notify(notice))
    assert (polled, answer.status_code) == (1, 204)
    assert await world.trail(payment_id) == ["created", "pending", "captured"]


async def test_a_notice_and_a_cancellation_at_once_capture_once(world: World) -> None:
    person = new_id()
    payment_id, notice = await _paid_without_notice(world, person)
    cancelled, answer = await asyncio.gather(world.act(person, payment_id, "cancel"), world.notify(notice))
    assert answer.status_code == 204
    assert cancelled.status_code == 409 or cancelled.json()["status"] == "captured"
    assert await world.trail(payment_id) == ["created", "pending", "captured"]


async def test_twenty_notices_at_once_over_http_are_acknowledged_and_have_one_effect(world: World) -> None:
    payment_id, notice = await _paid_without_notice(world, new_id())
    answers = await asyncio.gather(*(world.notify(notice) for _ in range(20)))
    assert [answer.status_code for answer in answers] == [204] * 20
    assert await world.trail(payment_id) == ["created", "pending", "captured"]
