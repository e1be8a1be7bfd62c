"""Requests that billing and payments must refuse, over HTTP against the running service."""

import asyncio
import json
import secrets
from typing import Any

import pytest
import time_machine

from chassis.db import new_id, now
from chassis.testing import once
from kit.signatures.refusals import MAX_CLOCK_SKEW
from tests.svc_payments.collection.mandates.giver import Giver, working_on
from tests.svc_payments.collection.refunds.steps import refunds, step
from tests.svc_payments.conftest import approved_provider
from tests.svc_payments.refusals.scenarios import (
    PAYMENTS,
    completed,
    entry_count,
    paid_without_notice,
    refusal,
    row_count,
)
from tests.svc_payments.world import NOTICES, World


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"merchant_id": "another"}, (403, "notice_for_other_merchant")),
        ({"amount_fen": 4139}, (409, "notice_of_other_amount")),
        ({"amount_fen": 4141}, (409, "notice_of_other_amount")),
        ({"currency": "USD"}, (409, "notice_of_other_currency")),
        ({"order_number": "0" * 32}, (404, "notice_of_unknown_order")),
    ],
)
async def test_a_notice_signed_by_the_right_key_for_another_merchant_amount_or_order(
    world: World, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    person = new_id()
    payment_id, notice = await paid_without_notice(world, person)
    assert refusal(await world.notify({**notice, **changes})) == expected
    assert await world.status(person, payment_id) == "pending"
    assert await entry_count(world) == 0
    assert len(await world.incidents()) == 1, "an incident is raised"


async def test_a_notice_of_one_order_for_another(world: World) -> None:
    """The amount and the key are valid, but the transaction belongs to another order."""
    first, notice = await paid_without_notice(world, new_id())
    second, _ = await paid_without_notice(world, new_id())
    assert (await world.notify(notice)).status_code == 204
    swapped = {**notice, "notice_id": "n-2", "order_number": await world.order_number(second)}
    assert refusal(await world.notify(swapped)) == (409, "notice_of_reused_transaction")
    assert await world.trail(first) == ["created", "pending", "captured"]
    assert await world.trail(second) == ["created", "pending"]


@pytest.mark.parametrize("seconds", [-MAX_CLOCK_SKEW - 5, MAX_CLOCK_SKEW + 5])
async def test_an_old_timestamp(world: World, seconds: int) -> None:
    payment_id, notice = await paid_without_notice(world, new_id())
    with time_machine.travel(now().timestamp() + seconds, tick=False):
        raw, headers = world.signed(notice)
    assert refusal(await world.api.post(NOTICES, content=raw, headers=headers)) == (401, "notice_not_authentic")
    assert await world.trail(payment_id) == ["created", "pending"]


async def test_a_replayed_nonce(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Identical bytes are a retry by the channel; the same nonce with other content is a replay."""
    payment_id, notice = await paid_without_notice(world, new_id())
    _, other = await paid_without_notice(world, new_id())
    nonce = secrets.token_hex(16)
    monkeypatch.setattr(secrets, "token_hex", lambda _: nonce)
    assert (await world.notify(notice)).status_code == 204
    before = await entry_count(world)
    for replayed in (other, {**notice, "notice_id": "n-2"}):
        assert refusal(await world.notify(replayed)) == (409, "nonce_reused")
    assert await entry_count(world) == before
    assert (await world.notify(notice)).status_code == 204
    assert await entry_count(world) == before
    assert await world.trail(payment_id) == ["created", "pending", "captured"]


async def test_a_bill_file_of_another_provider(world: World) -> None:
    """A bill file changes only its uploader's bills, even if it names another provider's bill numbers."""
    person = new_id()
    bill = await world.bill(person, 4140)
    theirs = (await world.api.get(f"/payments/v1/bills/{bill}", headers=world.tokens.resident(person))).json()
    stranger = await approved_provider(world.database)
    kind = {"Content-Type": "text/csv"}
    file = (
        "bill_number,account_number,period,usage,amount,due_date,meter_from,meter_to\n"
        f"{theirs['bill_number']},{theirs['account_number']},2026-09,12,0.01,2026-10-25,,\n"
    ).encode()
    own = world.tokens.client(stranger, "bills:write")
    sent = (await world.api.put("/payments/v1/bill-files/m.csv", content=file, headers=own | kind)).json()
    after = await world.api.get(f"/payments/v1/bills/{bill}", headers=world.tokens.resident(person))
    assert after.json() == theirs
    listed = (await world.api.get("/payments/v1/bills", headers=world.tokens.resident(person))).json()["items"]
    assert [each["bill_id"] for each in listed] == [str(bill)], "nobody is billed by a company they are not bound to"
    path = f"/payments/v1/bill-files/{sent['bill_file_id']}"
    other = world.tokens.client(world.provider_id, "bills:write")
    assert refusal(await world.api.get(path, headers=other)) == (404, "not_found")
    for verb, body in (("void", {"reason": "other"}), ("amendments", {"reason": "other", "amount_fen": 1})):
        answer = await world.api.post(f"/payments/v1/bills/{bill}/{verb}", json=body, headers=own | once())
        assert refusal(answer) == (404, "not_found")


async def test_a_payment_while_posting_is_refused(world: World) -> None:
    """Until the provider has answered, a second payment, a cancellation and a refund are refused."""
    person = new_id()
    bill = await world.bill(person, 4140)
    payment_id = await world.captured(person, bill)
    world.company.app.lost = 1
    await world.deliver_postings(0.5)
    assert await world.status(person, payment_id) == "posting"
    assert refusal(await world.create(person, bill)) == (409, "bill_already_paid")
    assert refusal(await world.act(person, payment_id, "cancel")) == (409, "illegal_move")
    assert refusal(await propose_refund(world, payment_id, bill)) == (409, "posting_under_way")
    assert await row_count(world, "payments") == 1


async def propose_refund(world: World, payment_id: str, bill: object, amount_fen: int | None = None) -> Any:  # noqa: ANN401 - an answer
    body: dict[str, Any] = {"bill_id": str(bill), "reason": "overcharged", "note": "as agreed"}
    body |= {"amount_fen": amount_fen} if amount_fen else {}
    staff = world.tokens.staff("operator")
    return await world.api.post(f"{PAYMENTS}/{payment_id}/refunds", json=body, headers=staff | once())


async def test_a_refund_racing_a_reversal(world: World) -> None:
    """The provider refuses the posting, which reverses the payment, while operators propose refunds."""
    person = new_id()
    bill = await world.bill(person, 4140, account=500)
    payment_id = await world.captured(person, bill)
    posting = asyncio.create_task(world.deliver_postings())
    answers = await asyncio.gather(*(propose_refund(world, payment_id, bill, fen) for fen in (4140, 4140, 1, None)))
    await posting
    await world.deliver_postings()  # a round passes over a posting that a refused refund has locked
    answers += await asyncio.gather(*(propose_refund(world, payment_id, bill, fen) for fen in (4140, 1, None)))
    assert {refusal(answer)[1] for answer in answers} <= {
        "posting_under_way",
        "refund_exceeds_paid",
        "refund_under_way",
    }
    await step(world)
    assert [(each.amount_fen, each.status) for each in await refunds(world)] == [(4140, "refunded")]
    shown = (await world.get(person, payment_id)).json()
    assert (shown["status"], shown["refunded_fen"]) == ("refunded", 4140)


async def test_refunds_racing_each_other_are_at_most_what_was_paid(world: World) -> None:
    payment_id, bill = await completed(world, new_id(), 10_000)
    answers = await asyncio.gather(*(propose_refund(world, payment_id, bill, 3_000) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    assert {refusal(answer) for answer in answers if answer.status_code != 201} == {(409, "refund_exceeds_paid")}
    await step(world)
    assert sum(each.amount_fen for each in await refunds(world) if each.status == "refunded") == 9_000


NUMBERS: tuple[object, ...] = (2**63, 2**63 - 1, 10**30, -(2**63), -1, 0, 41.40, 4140.0, 1e400)
INVALID_AMOUNTS = (*NUMBERS, "4140", "41.40", True, [4140])
JSON = {"Content-Type": "application/json"}


async def test_overflowing_and_invalid_amounts(world: World) -> None:
    """Invalid amounts are refused in bills, payments and refunds."""
    person = new_id()
    payment_id, bill = await completed(world, person)
    provider, resident = world.tokens.client(world.provider_id, "bills:write"), world.tokens.resident(person)
    row = {"bill_number": "X-1", "account_number": "1000000005", "period": "2026-09", "usage": "1"}
    account = {"provider_id": str(world.provider_id), "account_number": "1000000005", "channel": "sandbox"}
    for amount in INVALID_AMOUNTS:
        refund = {"bill_id": str(bill), "amount_fen": amount, "reason": "other", "note": "as agreed"}
        calls: dict[str, tuple[object, dict[str, str]]] = {
            "/payments/v1/bills": ({"bills": [{**row, "due_date": "2026-10-25", "amount_fen": amount}]}, provider),
            PAYMENTS: ({**account, "amount_fen": amount}, resident),
            f"{PAYMENTS}/{payment_id}/refunds": (refund, world.tokens.staff("operator")),
        }
        for path, (body, headers) in calls.items():
            # `json.dumps` also writes Infinity, as careless clients do.
            raw = json.dumps(body).encode()
            answer = await world.api.post(path, content=raw, headers=headers | once() | JSON)
            context = (path, amount, answer.text)
            assert answer.status_code in {400, 422} or (answer.is_success and answer.json()["refused"] == 1), context
    assert [await row_count(world, table) for table in ("payments", "bills", "refunds")] == [1, 1, 0]


async def test_an_amount_of_the_clients_that_disagrees_with_the_bill(world: World) -> None:
    person = new_id()
    bill = await world.bill(person, 4140)
    headers = world.tokens.resident(person)
    body = {"bill_ids": [str(bill)], "channel": "sandbox", "expected_amount_fen": 4139}
    answer = await world.api.post(PAYMENTS, json=body, headers=headers | once())
    assert refusal(answer) == (409, "bill_amount_changed")
    assert await world.bill_status(bill) == "due"
    named = {"bill_ids": [str(bill)], "channel": "sandbox", "amount_fen": 1}
    created = (await world.api.post(PAYMENTS, json=named, headers=headers | once())).json()
    assert created["amount_fen"] == 4140, "the amount is computed from the bills"


async def test_a_mandate_beyond_its_limit(world: World) -> None:
    giver = Giver(world)
    mandate = await giver.active(limit_fen=4_139)
    bill = await giver.bill(4_140)
    async with working_on(world) as mandates:
        await giver.find_bills(mandates)
        await giver.day_comes()
        await giver.find_bills(mandates)
    assert (await giver.debit(mandate))["status"] == "over_limit"
    assert await world.bill_status(bill) == "due"
    assert await row_count(world, "payments") == 0
