"""A payment from intent to receipt, through the sandbox channel and the reference provider."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from chassis.db import new_id, now
from chassis.testing import once, until
from svc_payments.collection.payments.models import Payment, PaymentLine
from svc_payments.collection.payments.service import expire_one
from svc_payments.collection.postings.delivery import Delivery
from tests.svc_payments.conftest import approved_provider
from tests.svc_payments.world import Answer, World, run_in_background


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_payment_goes_from_the_tap_to_the_providers_books(world: World) -> None:
    person = new_id()
    bill = await world.bill(person, 4140)
    payment_id = await world.confirmed(person, bill)
    assert (await world.channel.get(f"/cashier/{await world.order_number(payment_id)}")).json()["amount_fen"] == 4140
    await world.pay(payment_id)

    async def completed() -> bool:
        return await world.status(person, payment_id) == "completed"

    async with run_in_background(Delivery(world.database, world.settings).run):
        await until(completed)
    assert await world.trail(payment_id) == ["created", "pending", "captured", "completed"]
    assert await world.bill_status(bill) == "posted"
    assert [row["amount_fen"] for row in world.company.booked()] == [4140]
    assert (await world.trial_balance())["balance_fen"] == 0


async def test_the_amount_is_computed_from_the_bills(world: World) -> None:
    person = new_id()
    body = {"bill_ids": [str(await world.bill(person, 4140))], "channel": "sandbox", "amount_fen": 1}
    headers = world.tokens.resident(person) | once()
    created = (await world.api.post("/payments/v1/payments", json=body, headers=headers)).json()
    assert (created["amount_fen"], created["currency"], created["status"]) == (4140, "CNY", "created")


async def test_several_bills_of_a_provider_are_paid_together(world: World) -> None:
    person = new_id()
    first, second = await world.bill(person, 4140), await world.bill(person, 100)
    created = (await world.create(person, second, first)).json()
    assert created["amount_fen"] == 4240
    assert {line["bill_id"]: line["amount_fen"] for line in created["bills"]} == {str(first): 4140, str(second): 100}


async def test_bills_of_two_providers_are_refused_and_stay_due(world: World) -> None:
    person = new_id()
    other = await approved_provider(world.database)
    bills = await world.bill(person), await world.bill(person, provider_id=other)
    assert refusal(await world.create(person, *bills)) == (422, "bills_of_several_providers")
    assert [await world.bill_status(bill) for bill in bills] == ["due", "due"]


async def test_somebody_elses_bill_is_not_found(world: World) -> None:
    bill = await world.bill(new_id())
    assert refusal(await world.create(new_id(), bill)) == (404, "not_found")
    assert await world.bill_status(bill) == "due"


@pytest.mark.parametrize(
    "body",
    [
        {"bill_ids": [], "channel": "sandbox"},
        {"bill_ids": [str(new_id()) for _ in range(51)], "channel": "sandbox"},
        {"bill_ids": ["not an id"], "channel": "sandbox"},
        {"bill_ids": [str(new_id())], "channel": "barter"},
        {"bill_ids": [str(new_id())]},
    ],
)
async def test_an_invalid_intent_is_refused(world: World, body: dict[str, Any]) -> None:
    headers = world.tokens.resident() | once()
    answer = await world.api.post("/payments/v1/payments", json=body, headers=headers)
    assert refusal(answer) == (422, "invalid_request")


async def test_only_a_resident_with_a_verified_identity_pays(world: World) -> None:
    for headers, expected in (
        ({}, (401, "token_missing")),
        (world.tokens.resident(assurance_level=1), (403, "assurance_too_low")),
        (world.tokens.client(world.provider_id, "bills:write"), (403, "not_allowed")),
    ):
        answer = await world.api.post("/payments/v1/payments", json={}, headers=headers | once())
        assert refusal(answer) == expected


async def test_an_intent_needs_an_idempotency_key(world: World) -> None:
    answer = await world.api.post("/payments/v1/payments", json={}, headers=world.tokens.resident())
    assert refusal(answer) == (400, "idempotency_key_missing")


async def test_the_same_intent_sent_again_is_the_same_payment(world: World) -> None:
    person = new_id()
    body = {"bill_ids": [str(await world.bill(person))], "channel": "sandbox"}
    headers = world.tokens.resident(person) | once()
    first, second = [await world.api.post("/payments/v1/payments", json=body, headers=headers) for _ in range(2)]
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"


async def test_of_two_payments_racing_for_a_bill_one_gets_it(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    answers = await asyncio.gather(*(world.create(person, bill) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "payment_in_progress"}


async def test_payments_with_bills_in_common_do_not_deadlock(world: World) -> None:
    person = new_id()
    bills = [await world.bill(person) for _ in range(4)]
    sets = [bills[:2], bills[1:3], bills[2:], [bills[3], bills[0]]] * 2
    answers = await asyncio.gather(*(world.create(person, *wanted) for wanted in sets))
    assert {answer.status_code for answer in answers} == {201, 409}


async def test_the_database_itself_allows_one_open_payment_of_a_bill(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    await world.created(person, bill)
    second = Payment(
        id=new_id(), person_id=person, provider_id=world.provider_id, channel="sandbox", amount_fen=1, expires_at=now()
    )
    second.lines = [PaymentLine(bill_id=bill, amount_fen=1)]
    with pytest.raises(IntegrityError, match="uq_payment_lines_open_bill"):
        async with world.database.transaction() as tx:
            tx.add(second)


async def test_five_taps_at_once_get_one_order_and_one_answer(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)
    answers = await asyncio.gather(*(world.confirm(person, payment_id) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["pay_url"].endswith(f"/cashier/{await world.order_number(payment_id)}")
    assert await world.trail(payment_id) == ["created", "pending"]


async def test_a_tap_after_the_payment_shows_the_payment(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    answer = await world.confirm(person, payment_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "captured")
    assert await world.trail(payment_id) == ["created", "pending", "captured"]


async def test_a_paid_bill_is_not_paid_again(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    await world.captured(person, bill)
    assert refusal(await world.create(person, bill)) == (409, "bill_already_paid")


async def test_another_resident_cannot_see_or_change_a_payment(world: World) -> None:
    person, stranger = new_id(), new_id()
    payment_id = await world.confirmed(person)
    answers = [
        await world.get(stranger, payment_id),
        await world.get(stranger, payment_id, "/receipt"),
        await world.act(stranger, payment_id, "confirm"),
        await world.act(stranger, payment_id, "cancel"),
        await world.get(stranger, str(new_id())),
    ]
    assert [refusal(answer) for answer in answers] == [(404, "not_found")] * 5
    listed = await world.api.get("/payments/v1/payments", headers=world.tokens.resident(stranger))
    assert listed.json()["items"] == []
    assert await world.status(person, payment_id) == "pending"


async def test_a_resident_pages_through_own_payments_newest_first(world: World) -> None:
    person = new_id()
    ids = [await world.created(person) for _ in range(3)]
    headers = world.tokens.resident(person)
    first = (await world.api.get("/payments/v1/payments?limit=2", headers=headers)).json()
    rest = (await world.api.get(f"/payments/v1/payments?limit=2&cursor={first['next_cursor']}", headers=headers)).json()
    assert [item["payment_id"] for item in (*first["items"], *rest["items"])] == ids[::-1]
    assert rest["next_cursor"] is None


async def test_a_payment_not_confirmed_in_time_frees_its_bill(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.created(person, bill)
    async with world.database.transaction() as tx:
        await tx.execute(update(Payment).values(expires_at=now()))
    assert refusal(await world.confirm(person, payment_id)) == (409, "payment_too_late")
    async with world.database.transaction() as tx:
        assert await expire_one(tx)
    assert await world.status(person, payment_id) == "expired"
    assert await world.trail(payment_id) == ["created", "expired"]
    assert refusal(await world.confirm(person, payment_id)) == (409, "illegal_move")
    assert (await world.create(person, bill)).status_code == 201


async def test_a_payment_in_time_is_not_expired(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)
    async with world.database.transaction() as tx:
        assert not await expire_one(tx)
    assert await world.status(person, payment_id) == "created"


async def test_cancelling_before_the_tap_frees_the_bill(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.created(person, bill)
    assert (await world.act(person, payment_id, "cancel")).json()["status"] == "expired"
    assert await world.bill_status(bill) == "due"


async def test_cancelling_after_the_tap_closes_the_order_first(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment_id = await world.confirmed(person, bill)
    assert (await world.act(person, payment_id, "cancel")).json()["status"] == "expired"
    cashier = await world.channel.post(f"/cashier/{await world.order_number(payment_id)}", json={"account": "wallet-1"})
    assert refusal(cashier) == (409, "order_closed")
    assert await world.bill_status(bill) == "due"
    assert await world.trail(payment_id) == ["created", "pending", "expired"]


async def test_cancelling_what_was_just_paid_captures_it(world: World) -> None:
    person = new_id()
    payment_id = await world.confirmed(person)
    await world.faults(drop_notices=1)
    await world.pay(payment_id)
    assert (await world.act(person, payment_id, "cancel")).json()["status"] == "captured"


async def test_a_captured_payment_is_not_cancelled(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    assert refusal(await world.act(person, payment_id, "cancel")) == (409, "illegal_move")
