"""Cash payments at a till, from receipt and posting to count, closing and bank deposit."""

import asyncio
from functools import partial
from uuid import UUID

import pytest

from chassis.db import new_id
from chassis.testing import until
from contracts.reference_provider.roster import account_number
from svc_payments.collection.postings.delivery import Delivery
from tests.svc_payments.tills.counter import Counter, refusal
from tests.svc_payments.world import SEED, World, run_in_background


async def _is_posted(world: World, bill: UUID) -> bool:
    return await world.bill_status(bill) == "posted"


async def test_cash_is_taken_receipted_posted_and_banked(world: World, counter: Counter) -> None:
    clerk, bill = counter.staff("clerk"), await world.bill(new_id(), 4140)
    session = await counter.opened(clerk)
    paid = (await counter.pay_cash(clerk, session, bill, 5000)).json()
    assert (paid["status"], paid["amount_fen"], paid["change_fen"]) == ("captured", 4140, 860)
    assert paid["receipt_number"]
    assert await world.bill_status(bill) == "paid"
    async with run_in_background(Delivery(world.database, world.settings).run):
        await until(partial(_is_posted, world, bill))
    (booked,) = world.company.booked()
    assert (booked["amount_fen"], booked["receipt_number"]) == (4140, paid["receipt_number"])
    closed = (await counter.closed(clerk, session, 50_000 + 4140)).json()
    assert (closed["status"], closed["difference_fen"]) == ("closed", 0)
    assert await counter.balance("channel_receivable", "cash") == 4140
    slip = {"reference": "DEP-0001", "amount_fen": 4140}
    deposited = await counter.post(counter.staff("till_supervisor"), f"{session}/deposit", slip)
    assert deposited.json()["status"] == "deposited", deposited.text
    assert await counter.balance("channel_receivable", "cash") == 0
    assert await counter.balance("bank", "settlement") == 4140


async def test_a_bank_slip_entered_for_two_sessions_at_once_is_of_one(world: World, counter: Counter) -> None:
    supervisor = counter.staff("till_supervisor")
    sessions = []
    for till in ("T1", "T2"):
        clerk = counter.staff("clerk")
        session = await counter.opened(clerk, till)
        await counter.pay_cash(clerk, session, await world.bill(new_id(), 4140), 5000)
        assert (await counter.closed(clerk, session, 50_000 + 4140)).json()["status"] == "closed"
        sessions.append(session)
    slip = {"reference": "DEP-0002", "amount_fen": 4140}
    answers = await asyncio.gather(*(counter.post(supervisor, f"{each}/deposit", slip) for each in sessions * 10))
    refused = {refusal(answer) for answer in answers if answer.status_code != 200}
    assert [answer.status_code for answer in answers].count(200) == 1
    assert refused == {(409, "deposit_reference_used"), (409, "illegal_move")}
    assert await counter.balance("bank", "settlement") == 4140


async def test_a_session_emits_its_events(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    await counter.pay_cash(clerk, session, await world.bill(new_id()))
    await counter.closed(clerk, session, 54_140)
    assert await world.trail(session[1:]) == ["opened", "counted", "closed"]


async def test_of_two_clerks_taking_the_same_bill_one_gets_it(world: World, counter: Counter) -> None:
    clerks = [counter.staff("clerk") for _ in range(2)]
    sessions = [await counter.opened(clerk, till) for clerk, till in zip(clerks, ("T1", "T2"), strict=True)]
    bill = await world.bill(new_id())
    pairs = zip(clerks, sessions, strict=True)
    answers = await asyncio.gather(*(counter.pay_cash(clerk, session, bill) for clerk, session in pairs))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    (loser,) = [answer for answer in answers if answer.status_code == 409]
    assert refusal(loser) == (409, "bill_already_paid")
    assert await counter.balance("channel_receivable", "cash") == 4140


async def test_a_repeated_request_takes_no_second_payment(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session, bill = await counter.opened(clerk), await world.bill(new_id())
    body = counter.payment_request(bill, {"channel": "cash", "tendered_fen": 5000})
    key = {"Idempotency-Key": new_id().hex}
    first, second = [await counter.post(clerk, f"{session}/payments", body, **key) for _ in range(2)]
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    report = (await counter.get(clerk, session)).json()
    assert report["totals"][0]["payments"] == 1


async def test_counting_and_paying_at_once_leaves_no_payment_uncounted(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    bills = [await world.bill(new_id(), account=0) for _ in range(5)]
    work = [counter.pay_cash(clerk, session, bill) for bill in bills]
    work.insert(2, counter.count(clerk, session, 50_000))
    answers = await asyncio.gather(*work)
    taken = [answer.json() for answer in answers if answer.status_code == 201]
    assert {refusal(answer) for answer in answers if answer.is_error} <= {(409, "till_session_not_open")}
    report = (await counter.get(clerk, session)).json()
    assert report["session"]["status"] == "counted"
    assert report["session"]["expected_fen"] == 50_000 + 4140 * len(taken) == report["expected_fen"]


async def test_a_closed_session_takes_nothing(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session, bill = await counter.opened(clerk), await world.bill(new_id())
    await counter.closed(clerk, session, 50_000)
    assert refusal(await counter.pay_cash(clerk, session, bill)) == (409, "till_session_not_open")
    assert refusal(await counter.count(clerk, session, 50_000)) == (409, "till_session_not_open")
    assert await world.bill_status(bill) == "due"


@pytest.mark.parametrize(("found_fen", "suspense_fen"), [(53_140, 1000), (54_640, -500)], ids=["short", "over"])
async def test_a_difference_is_posted_to_suspense_and_raises_an_incident(
    world: World, counter: Counter, found_fen: int, suspense_fen: int
) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    await counter.pay_cash(clerk, session, await world.bill(new_id()))
    closed = (await counter.closed(clerk, session, found_fen)).json()
    assert closed["difference_fen"] == -suspense_fen
    assert await counter.balance("suspense", "cash") == suspense_fen
    assert await counter.balance("channel_receivable", "cash") == found_fen - 50_000
    assert await world.incidents() == ["cash_difference"]


async def test_a_drawer_sent_back_is_counted_anew_and_both_counts_stay(world: World, counter: Counter) -> None:
    clerk, supervisor = counter.staff("clerk"), counter.staff("till_supervisor")
    session = await counter.opened(clerk)
    await counter.count(clerk, session, 49_000)
    back = await counter.post(supervisor, f"{session}/send-back", {"reason": "the change box was forgotten"})
    assert back.json()["status"] == "open"
    await counter.closed(clerk, session, 50_000)
    report = (await counter.get(supervisor, session)).json()
    assert [count["counted_fen"] for count in report["counts"]] == [49_000, 50_000]
    assert report["session"]["difference_fen"] == 0


async def test_too_little_money_and_too_much_cash_are_refused(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    small, large = await world.bill(new_id()), await world.bill(new_id(), 1_000_001)
    assert refusal(await counter.pay_cash(clerk, session, small, 4139)) == (422, "tender_too_small")
    assert refusal(await counter.pay_cash(clerk, session, large, 2_000_000)) == (422, "cash_above_limit")
    assert [await world.bill_status(bill) for bill in (small, large)] == ["due", "due"]


async def test_a_payment_without_a_named_payer_is_in_nobodys_history(world: World, counter: Counter) -> None:
    clerk, person = counter.staff("clerk"), new_id()
    session = await counter.opened(clerk)
    await counter.pay_cash(clerk, session, await world.bill(person))
    listed = await world.api.get("/payments/v1/payments", headers=world.tokens.resident(person))
    assert listed.json()["items"] == []
    assert await counter.balance("person_clearing", session[1:]) == -4140


async def test_a_named_payer_who_is_bound_has_the_payment_among_theirs(world: World, counter: Counter) -> None:
    clerk, person = counter.staff("clerk"), new_id()
    session, bill = await counter.opened(clerk), await world.bill(person)
    tender = {"channel": "cash", "tendered_fen": 5000}
    stranger = counter.payment_request(bill, tender, person_id=str(new_id()))
    assert refusal(await counter.post(clerk, f"{session}/payments", stranger)) == (422, "payer_not_bound")
    own = counter.payment_request(bill, tender, person_id=str(person))
    paid = await counter.post(clerk, f"{session}/payments", own)
    assert await world.status(person, paid.json()["payment_id"]) == "captured"


async def test_bills_of_another_account_are_not_found(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session, bill = await counter.opened(clerk), await world.bill(new_id(), account=1)
    assert refusal(await counter.pay_cash(clerk, session, bill)) == (404, "not_found")


async def test_every_account_lookup_is_audited(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    later, bill = await world.bill(new_id(), 100), await world.bill(new_id(), 200)
    await counter.pay_cash(clerk, session, later)
    account = {"provider_id": str(world.provider_id), "account_number": account_number(SEED, 0)}
    seen = (await counter.get(clerk, f"{session}/bills", **account)).json()
    assert [each["bill_id"] for each in seen] == [str(bill)]
    assert await counter.audit_actions(f"{account['provider_id']}/{account['account_number']}") == ["look_up_bills"]


async def test_the_clerk_of_the_session_can_print_the_receipt(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    paid = (await counter.pay_cash(clerk, session, await world.bill(new_id()))).json()
    printed = await counter.get(clerk, f"{session}/payments/{paid['payment_id']}/receipt.pdf")
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    assert printed.content.startswith(b"%PDF")
    assert paid["receipt_number"] in printed.headers["content-disposition"]
    stranger = await counter.get(counter.staff("clerk"), f"{session}/payments/{paid['payment_id']}/receipt.pdf")
    assert stranger.status_code == 404
    elsewhere = await counter.get(clerk, f"{session}/payments/{await world.created(new_id())}/receipt.pdf")
    assert elsewhere.status_code == 404
