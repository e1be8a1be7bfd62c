"""Common complaints about payment systems, each with a test that it does not apply here."""

import asyncio
import json
from uuid import UUID

import pytest
from sqlalchemy import update

from chassis.db import new_id, now
from chassis.testing import once
from contracts.reference_provider.roster import account_number
from kit.signatures.messages import sign_request
from svc_payments.collection.payments.models import Attempt
from tests.svc_payments.billing.bills.factories import a_binding, save
from tests.svc_payments.collection.refunds.steps import make_due, refunds, refused
from tests.svc_payments.refusals.scenarios import PAYMENTS, entry_count, paid_without_notice, refusal, row_count
from tests.svc_payments.world import NOTICES, SEED, World


async def test_one_payment_applied_twice_when_the_webhook_comes_twice(world: World) -> None:
    person = new_id()
    bill = await world.bill(person, 4140)
    payment_id, notice = await paid_without_notice(world, person, bill)
    raw, headers = world.signed(notice)
    same = [world.api.post(NOTICES, content=raw, headers=headers) for _ in range(3)]
    answers = await asyncio.gather(*same, *(world.notify(notice) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [204] * 6, "a repeated notice is acknowledged"
    assert await world.trail(payment_id) == ["created", "pending", "captured"]
    assert await entry_count(world) == 2
    await world.deliver_postings()
    assert (await world.notify(notice)).status_code == 204, "a repeated notice is acknowledged after booking"
    assert [row["amount_fen"] for row in world.company.booked()] == [4140]
    assert await entry_count(world) == 4


async def test_a_second_payment_while_the_first_is_unknown(world: World) -> None:
    person, other_person = new_id(), new_id()
    bill = await world.bill(person)
    await save(world.database, a_binding(other_person, world.provider_id, account_number(SEED, 0)))
    payment_id = await world.created(person, bill)
    await world.faults(order_timeouts=1)
    assert (await world.confirm(person, payment_id)).json()["status"] == "unknown"
    for payer in (person, other_person):
        assert refusal(await world.create(payer, bill)) == (409, "payment_in_progress")
    order_number = await world.order_number(payment_id)
    assert (await world.confirm(person, payment_id)).json()["status"] == "pending", (
        "the payment resumes with the same order"
    )
    assert await world.order_number(payment_id) == order_number


async def test_an_unknown_payment_blocks_until_it_is_known_and_no_longer(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.created(person, bill)
    await world.faults(unavailable=1)
    assert (await world.confirm(person, payment_id)).json()["status"] == "unknown"
    assert refusal(await world.create(person, bill)) == (409, "payment_in_progress")
    async with world.database.transaction() as tx:
        await tx.execute(update(Attempt).values(ask_at=now()))
    async with world.orders() as orders:
        await orders.ask_due()
    assert (await world.act(person, payment_id, "cancel")).json()["status"] == "expired"
    assert (await world.create(person, bill)).status_code == 201


async def test_a_refund_whose_outcome_cannot_be_queried(world: World) -> None:
    """Each refund has our own number and is polled by it until its outcome is known."""
    person, payment_id, _ = await refused(world)
    await world.faults(refund_timeouts=1)
    async with world.refunds(channel_timeout_seconds=0.5) as worker:
        await worker.ask_due()
    (unknown,) = await refunds(world)
    assert unknown.status == "unknown"
    assert (await world.get(person, payment_id)).json()["status"] == "reversing"
    assert unknown.ask_at is not None, "it is polled again"
    await make_due(world)
    async with world.refunds() as worker:
        await worker.ask_due()
    (known,) = await refunds(world)
    assert (known.status, known.number) == ("refunded", unknown.number)
    assert known.reference
    shown = (await world.get(person, payment_id)).json()
    assert (shown["status"], shown["refunded_fen"]) == ("refunded", shown["amount_fen"])


async def test_callback_signatures_that_fail_because_a_framework_re_encoded_the_body(world: World) -> None:
    """The signature is verified against the raw body: a re-encoded body fails."""
    payment_id, notice = await paid_without_notice(world, new_id())
    raw = json.dumps(notice, indent=3, sort_keys=True).replace("succeeded", "succ\\u0065eded").encode()
    merchant, url = world.settings.merchant_id, world.settings.notice_url
    headers = sign_request(world.channel_key, merchant, "POST", url, raw)
    re_encoded = json.dumps(json.loads(raw)).encode()
    answer = await world.api.post(NOTICES, content=re_encoded, headers=headers)
    assert refusal(answer) == (401, "notice_not_authentic")
    assert await world.trail(payment_id) == ["created", "pending"]
    assert (await world.api.post(NOTICES, content=raw, headers=headers)).status_code == 204
    assert await world.trail(payment_id) == ["created", "pending", "captured"]


async def test_people_switch_verification_off(world: World) -> None:
    """No setting disables signature verification."""
    _, notice = await paid_without_notice(world, new_id())
    answer = await world.api.post(NOTICES, content=json.dumps(notice).encode(), headers={})
    assert refusal(answer) == (401, "notice_not_authentic")
    names = " ".join(type(world.settings).model_fields)
    assert not {"verify", "skip", "insecure", "unsafe", "check"} & set(names.split("_"))


async def test_an_idempotency_conflict_answered_with_500(world: World) -> None:
    person = new_id()
    bill, other = await world.bill(person), await world.bill(person)
    headers = world.tokens.resident(person) | once()

    async def send(*bills: UUID) -> tuple[int, str]:
        body = {"bill_ids": [str(each) for each in bills], "channel": "sandbox"}
        answer = await world.api.post(PAYMENTS, json=body, headers=headers)
        return answer.status_code, answer.json().get("code", answer.json().get("payment_id"))

    answers = await asyncio.gather(*(send(bill) for _ in range(20)))
    paid = {payment_id for status, payment_id in answers if status == 201}
    assert len(paid) == 1, "one payment, one response"
    assert {answer for answer in answers if answer[0] != 201} <= {(409, "request_in_progress")}
    assert await row_count(world, "payments") == 1
    assert await send(bill) == (201, paid.pop()), "the key replays the response"
    assert await send(other) == (422, "idempotency_key_reused")
    assert await world.bill_status(other) == "due"


async def test_a_refused_request_frees_its_key(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    blocking = await world.created(person, bill)
    headers = world.tokens.resident(person) | once()
    body = {"bill_ids": [str(bill)], "channel": "sandbox"}
    answer = await world.api.post(PAYMENTS, json=body, headers=headers)
    assert refusal(answer) == (409, "payment_in_progress")
    await world.act(person, blocking, "cancel")
    assert (await world.api.post(PAYMENTS, json=body, headers=headers)).status_code == 201


@pytest.mark.parametrize("way", ["push", "file"])
async def test_duplicate_bills(world: World, way: str) -> None:
    """A provider's bill number is one bill, even when it is submitted repeatedly and concurrently."""
    row: dict[str, object] = {
        "bill_number": "DUP-1",
        "account_number": "1000000005",
        "period": "2026-09",
        "usage": "12",
    }
    row |= {"amount_fen": 4140, "due_date": "2026-10-25"}
    head, line = "bill_number,account_number,period,usage,amount,due_date,meter_from,meter_to", "2026-09,12,41.40"
    file = f"{head}\nDUP-1,1000000005,{line},2026-10-25,,\nDUP-1,1000000005,{line},2026-10-25,,\n".encode()
    headers = world.tokens.client(world.provider_id, "bills:write")

    async def send() -> int:
        if way == "push":
            answer = await world.api.post("/payments/v1/bills", json={"bills": [row, row]}, headers=headers | once())
        else:
            kind = {"Content-Type": "text/csv"}
            answer = await world.api.put("/payments/v1/bill-files/d.csv", content=file, headers=headers | kind)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["accepted"])

    await asyncio.gather(*(send() for _ in range(3)))
    await send()
    assert await row_count(world, "bills") == 1
    assert await row_count(world, "bill_versions") == 0
