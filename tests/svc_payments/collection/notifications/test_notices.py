"""Notices of the channel: repeated, forged, replayed, or for another order, amount, merchant or currency."""

import asyncio
import json
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import func, select, update

from chassis.db import new_id, now
from chassis.testing import until
from kit.signatures.messages import RECIPIENT, sign_request
from kit.signatures.refusals import MAX_CLOCK_SKEW
from svc_payments.collection.notifications.models import Nonce
from svc_payments.collection.notifications.service import forget_nonces
from svc_payments.collection.payments.models import Attempt
from svc_payments.ledger.models import Entry
from tests.svc_payments.world import CONTRACT_NOTICES, NOTICES, Answer, World

ONE_EFFECT = ["created", "pending", "captured"]


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def paid_without_notice(world: World, person: UUID) -> tuple[str, dict[str, Any]]:
    """A payment that the channel has collected but not reported, and its notice."""
    payment_id = await world.confirmed(person)
    await world.faults(drop_notices=1_000)
    return payment_id, world.notice_of(await world.pay(payment_id))


async def entries(world: World) -> int:
    async with world.database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(Entry)) or 0


async def test_the_channels_own_notice_captures_the_payment(world: World) -> None:
    person = new_id()
    payment_id = await world.confirmed(person)
    await world.faults(duplicate_notices=2)
    await world.pay(payment_id)
    order_number = await world.order_number(payment_id)

    async def answered() -> list[int]:
        sent = (await world.channel.get(f"/orders/{order_number}/notices")).json()["items"]
        statuses = [notice["answer_status"] for notice in sent]
        return statuses if len(statuses) == 3 and all(statuses) else []

    assert await until(answered) == [204, 204, 204]
    assert await world.trail(payment_id) == ONE_EFFECT
    assert await entries(world) == 2


async def test_the_same_notice_three_times_is_acknowledged_and_has_one_effect(world: World) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    assert [(await world.notify(notice)).status_code for _ in range(3)] == [204] * 3
    assert await world.trail(payment_id) == ONE_EFFECT
    assert await entries(world) == 2


async def test_notices_at_the_same_moment_have_one_effect(world: World) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    answers = await asyncio.gather(*(world.notify(notice) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [204] * 5
    assert await world.trail(payment_id) == ONE_EFFECT
    assert await entries(world) == 2


async def test_the_same_bytes_replayed_get_the_same_answer_and_change_nothing(world: World) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    raw, headers = world.signed(notice)
    answers = await asyncio.gather(*(world.api.post(NOTICES, content=raw, headers=headers) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [204] * 3
    assert await world.trail(payment_id) == ONE_EFFECT


async def test_a_nonce_seen_with_another_body_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, first_notice = await paid_without_notice(world, new_id())
    second, second_notice = await paid_without_notice(world, new_id())
    nonce = secrets.token_hex(16)
    monkeypatch.setattr(secrets, "token_hex", lambda _: nonce)
    assert (await world.notify(first_notice)).status_code == 204
    assert refusal(await world.notify(second_notice)) == (409, "nonce_reused")
    assert await world.trail(first) == ONE_EFFECT
    assert await world.trail(second) == ["created", "pending"]


async def test_a_forged_notice_is_refused_and_changes_nothing(world: World, rsa_keys: dict[str, RSAPrivateKey]) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    raw, headers = world.signed(notice)
    other, merchant, url = rsa_keys["merchant_key"], world.settings.merchant_id, world.settings.notice_url
    tampered = raw.replace(b"my-ili", b"my-11i")
    reformatted = json.dumps(notice, indent=1).encode()
    elsewhere = sign_request(world.channel_key, merchant, "POST", world.settings.contract_notice_url, raw)
    stripped = {name: value for name, value in headers.items() if name != "Signature"}
    for reason, (body, signed) in (
        ("unknown_key", (raw, sign_request(other, merchant, "POST", url, raw))),
        ("unsigned", (raw, {})),
        ("unsigned", (raw, stripped)),
        ("other_recipient", (raw, sign_request(world.channel_key, "another", "POST", url, raw))),
        ("wrong_signature", (raw, elsewhere)),
        ("wrong_signature", (raw, sign_request(world.channel_key, merchant, "PUT", url, raw))),
        ("wrong_signature", (raw, {**headers, "Content-Type": "text/plain"})),
        ("wrong_digest", (tampered, headers)),
        ("wrong_digest", (reformatted, headers)),
        ("signature_malformed", (raw, {**headers, "Signature": "not base64!"})),
    ):
        answer = await world.api.post(NOTICES, content=body, headers=signed)
        assert refusal(answer) == (401, "notice_not_authentic")
        assert answer.json()["reason"] == reason
    assert await world.trail(payment_id) == ["created", "pending"]
    assert await world.incidents() == []


async def test_a_notice_sent_to_another_address_than_it_was_signed_for_is_refused(world: World) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    raw, headers = world.signed(notice)
    for address in (f"{NOTICES}?from=elsewhere", CONTRACT_NOTICES):
        answer = await world.api.post(address, content=raw, headers=headers)
        assert (refusal(answer), answer.json()["reason"]) == ((401, "notice_not_authentic"), "wrong_signature")
    doubled = [*headers.items(), (RECIPIENT, world.settings.merchant_id)]
    answer = await world.api.post(NOTICES, content=raw, headers=doubled)
    assert answer.json()["reason"] == "other_recipient"
    assert await world.trail(payment_id) == ["created", "pending"]


@pytest.mark.parametrize("seconds", [-MAX_CLOCK_SKEW - 5, MAX_CLOCK_SKEW + 5])
async def test_a_notice_of_another_time_is_refused(world: World, seconds: int) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    with time_machine.travel(now().timestamp() + seconds, tick=False):
        raw, headers = world.signed(notice)
    answer = await world.api.post(NOTICES, content=raw, headers=headers)
    assert (refusal(answer), answer.json()["reason"]) == ((401, "notice_not_authentic"), "clock_skew")
    assert await world.trail(payment_id) == ["created", "pending"]


@pytest.mark.parametrize(
    ("changes", "expected", "incident"),
    [
        ({"merchant_id": "another"}, (403, "notice_for_other_merchant"), "other_merchant"),
        ({"amount_fen": 4139}, (409, "notice_of_other_amount"), "other_amount"),
        ({"amount_fen": 2**62}, (409, "notice_of_other_amount"), "other_amount"),
        ({"currency": "USD"}, (409, "notice_of_other_currency"), "other_currency"),
        ({"order_number": "0" * 32}, (404, "notice_of_unknown_order"), "unknown_order"),
    ],
)
async def test_a_notice_by_the_right_key_that_does_not_fit_is_refused_and_recorded(
    world: World, changes: dict[str, Any], expected: tuple[int, str], incident: str
) -> None:
    person = new_id()
    payment_id, notice = await paid_without_notice(world, person)
    wrong = {**notice, **changes}
    assert [refusal(await world.notify(wrong)) for _ in range(2)] == [expected] * 2
    assert await world.incidents() == [incident]
    assert await world.trail(payment_id) == ["created", "pending"]
    assert (await world.notify(notice)).status_code == 204


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"event": "payment.succeeded"}',
        b"[" * 10_000,
    ],
)
async def test_authentic_bytes_that_are_no_notice_are_refused(world: World, raw: bytes) -> None:
    headers = sign_request(world.channel_key, world.settings.merchant_id, "POST", world.settings.notice_url, raw)
    assert refusal(await world.api.post(NOTICES, content=raw, headers=headers)) == (422, "notice_malformed")


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_fen": "4140"},
        {"amount_fen": 41.40},
        {"amount_fen": True},
        {"amount_fen": 0},
        {"amount_fen": 2**70},
        {"event": "payment.refunded"},
        {"paid_at": "yesterday"},
        {"paid_at": "2026-10-01T08:00:00"},
        {"paid_at": 1_790_000_000},
        {"paid_at": "0001-01-01T00:00:00+14:00"},
        {"paid_at": "2019-12-31T23:59:59Z"},
        {"paid_at": (now() + timedelta(hours=1)).isoformat()},
        {"paid_at": "9999-12-31T23:59:59-14:00"},
        {"transaction_id": "a\u0000b"},
        {"transaction_id": "x" * 65},
    ],
)
async def test_a_notice_with_an_invalid_field_is_refused(world: World, changes: dict[str, Any]) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    assert refusal(await world.notify({**notice, **changes})) == (422, "notice_malformed")
    assert await world.trail(payment_id) == ["created", "pending"]


async def test_a_notice_of_unreasonable_size_is_refused_unread(world: World) -> None:
    raw = b" " * 17_000
    headers = sign_request(world.channel_key, world.settings.merchant_id, "POST", world.settings.notice_url, raw)
    assert refusal(await world.api.post(NOTICES, content=raw, headers=headers)) == (413, "content_too_large")


async def test_a_notice_that_arrives_before_the_order_response_wins(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)
    await world.faults(order_timeouts=1, drop_notices=1_000)
    tap = asyncio.create_task(world.confirm(person, payment_id))

    async def paid() -> dict[str, Any] | None:
        async with world.database.read() as tx:
            number = await tx.scalar(select(Attempt.order_number))
        answer = await world.channel.post(f"/cashier/{number}", json={"account": "wallet-1"})
        return answer.json() if answer.is_success else None

    notice = world.notice_of(await until(paid))
    assert (await world.notify(notice)).status_code == 204
    assert (await tap).json()["status"] == "captured"
    assert await world.trail(payment_id) == ONE_EFFECT


async def test_a_notice_racing_the_query_has_one_effect(world: World) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    async with world.database.transaction() as tx:
        await tx.execute(update(Attempt).values(ask_at=now()))
    async with world.orders() as orders:
        answer, _ = await asyncio.gather(world.notify(notice), orders.ask_due())
    assert answer.status_code == 204
    assert await world.trail(payment_id) == ONE_EFFECT
    assert await entries(world) == 2


async def test_nonces_are_deleted_once_their_timestamp_would_be_refused(world: World) -> None:
    _, notice = await paid_without_notice(world, new_id())
    await world.notify(notice)
    async with world.database.transaction() as tx:
        await forget_nonces(tx)
        assert len((await tx.scalars(select(Nonce))).all()) == 1
        await tx.execute(update(Nonce).values(seen_at=now() - timedelta(seconds=2 * MAX_CLOCK_SKEW + 1)))
        await forget_nonces(tx)
        assert (await tx.scalars(select(Nonce))).all() == []
