"""Card payments at a till: each is captured once by its terminal slip, and none stays open."""

import asyncio

from chassis.db import new_id
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.tills.counter import Counter, refusal
from tests.svc_payments.world import World


async def test_a_card_charged_already_is_captured_by_its_slip(world: World, counter: Counter) -> None:
    clerk, bill = counter.staff("clerk"), await world.bill(new_id())
    session = await counter.opened(clerk)
    slip = counter.slip()
    paid = (await counter.pay_card(clerk, session, bill, slip)).json()
    assert (paid["status"], paid["channel"], paid["change_fen"]) == ("captured", "pos", None)
    assert paid["retrieval_number"] == slip["retrieval_number"]
    assert await world.bill_status(bill) == "paid"
    assert await counter.balance("channel_receivable", ChannelName.POS) == 4140
    report = (await counter.get(clerk, session)).json()
    assert report["expected_fen"] == 50_000


async def test_bills_are_locked_while_the_terminal_works_and_paid_by_its_slip(world: World, counter: Counter) -> None:
    clerk, other = counter.staff("clerk"), counter.staff("clerk")
    bill = await world.bill(new_id())
    session, elsewhere = await counter.opened(clerk, "T1"), await counter.opened(other, "T2")
    waiting = (await counter.pay_card(clerk, session, bill, None)).json()
    assert (waiting["status"], waiting["receipt_number"]) == ("pending", None)
    assert refusal(await counter.pay_cash(other, elsewhere, bill)) == (409, "payment_in_progress")
    path = f"{session}/payments/{waiting['payment_id']}"
    captured = await counter.post(clerk, f"{path}/capture", counter.slip())
    assert captured.json()["status"] == "captured"
    assert await world.bill_status(bill) == "paid"
    assert refusal(await counter.post(clerk, f"{path}/capture", counter.slip())) == (409, "illegal_move")
    assert refusal(await counter.post(clerk, f"{path}/cancel", {"reason": "too late"})) == (409, "illegal_move")


async def test_a_card_that_was_not_charged_frees_the_bills(world: World, counter: Counter) -> None:
    clerk, bill = counter.staff("clerk"), await world.bill(new_id())
    session = await counter.opened(clerk)
    waiting = (await counter.pay_card(clerk, session, bill, None)).json()
    path = f"{session}/payments/{waiting['payment_id']}"
    assert (await counter.post(clerk, f"{path}/cancel", {"reason": "card declined"})).json()["status"] == "expired"
    assert await world.bill_status(bill) == "due"
    assert (await counter.pay_cash(clerk, session, bill)).status_code == 201


async def test_a_session_is_not_counted_while_a_card_payment_is_open(world: World, counter: Counter) -> None:
    clerk, bill = counter.staff("clerk"), await world.bill(new_id())
    session = await counter.opened(clerk)
    waiting = (await counter.pay_card(clerk, session, bill, None)).json()
    assert refusal(await counter.count(clerk, session, 50_000)) == (409, "till_payments_unfinished")
    await counter.post(clerk, f"{session}/payments/{waiting['payment_id']}/capture", counter.slip())
    assert (await counter.count(clerk, session, 50_000)).status_code == 200


async def test_a_resident_cannot_cancel_or_confirm_a_pending_card_payment(world: World, counter: Counter) -> None:
    clerk, person = counter.staff("clerk"), new_id()
    session, bill = await counter.opened(clerk), await world.bill(person)
    body = counter.payment_request(bill, {"channel": "pos", "terminal": None}, person_id=str(person))
    payment_id = (await counter.post(clerk, f"{session}/payments", body)).json()["payment_id"]
    assert (await world.act(person, payment_id, "cancel")).json()["status"] == "pending"
    assert (await world.confirm(person, payment_id)).json()["status"] == "pending"


async def test_a_slip_entered_at_two_tills_at_once_pays_once(world: World, counter: Counter) -> None:
    slip, tills = counter.slip(), ("T1", "T2")
    clerks = [counter.staff("clerk") for _ in tills]
    sessions = [await counter.opened(clerk, till) for clerk, till in zip(clerks, tills, strict=True)]
    bills = [await world.bill(new_id()) for _ in tills]
    work = zip(clerks, sessions, bills, strict=True)
    answers = await asyncio.gather(*(counter.pay_card(*each, slip) for each in work))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "terminal_reference_used"}
    assert sorted([await world.bill_status(bill) for bill in bills]) == ["due", "paid"]


async def test_a_card_charged_with_another_amount_is_refused(world: World, counter: Counter) -> None:
    clerk, bill = counter.staff("clerk"), await world.bill(new_id())
    session = await counter.opened(clerk)
    answer = await counter.pay_card(clerk, session, bill, counter.slip(4139))
    assert refusal(answer) == (409, "terminal_amount_differs")
    assert await world.bill_status(bill) == "due"


async def test_a_payment_of_another_session_is_not_found(world: World, counter: Counter) -> None:
    clerk, other = counter.staff("clerk"), counter.staff("clerk")
    session, elsewhere = await counter.opened(clerk, "T1"), await counter.opened(other, "T2")
    waiting = (await counter.pay_card(clerk, session, await world.bill(new_id()), None)).json()
    path = f"{elsewhere}/payments/{waiting['payment_id']}/capture"
    assert refusal(await counter.post(other, path, counter.slip())) == (404, "not_found")


async def test_no_card_number_is_taken(world: World, counter: Counter) -> None:
    clerk, bill = counter.staff("clerk"), await world.bill(new_id())
    session = await counter.opened(clerk)
    as_trace = await counter.pay_card(clerk, session, bill, counter.slip(trace_number="6222000000000000"))
    assert refusal(as_trace) == (422, "invalid_request")


async def test_residents_cannot_choose_the_counters_channels(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    for channel in (ChannelName.CASH, ChannelName.POS):
        body = {"bill_ids": [str(bill)], "channel": channel}
        headers = world.tokens.resident(person) | {"Idempotency-Key": new_id().hex}
        answer = await world.api.post("/payments/v1/payments", json=body, headers=headers)
        assert refusal(answer) == (422, "channel_not_available")
