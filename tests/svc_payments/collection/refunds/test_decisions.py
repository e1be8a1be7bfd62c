"""Refunds decided by one or two people: full, partial and repeated."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import new_id
from chassis.testing import once
from tests.svc_payments.collection.refunds.steps import balances, refund_trail, step
from tests.svc_payments.world import World

PAYMENTS, REFUNDS, WORKLIST = "/payments/v1/payments", "/payments/v1/refunds", "/payments/v1/refund-worklist"
NOTE = "抄表有误，已与单位核对"
LARGE_FEN = 50_000
Headers = dict[str, str]


async def completed(world: World, *amounts_fen: int) -> tuple[UUID, str, list[UUID]]:
    """A person, a payment of theirs booked by the provider, and its bills."""
    person = new_id()
    bills = [await world.bill(person, fen) for fen in amounts_fen]
    payment_id = await world.captured(person, *bills)
    while await world.deliver_postings():
        pass
    assert await world.status(person, payment_id) == "completed"
    return person, payment_id, bills


async def propose(world: World, payment_id: str, operator: Headers | None = None, **fields: object) -> httpx.Response:
    body = {"reason": "overcharged", "note": NOTE, **fields}
    headers = operator or world.tokens.staff("operator")
    return await world.api.post(f"{PAYMENTS}/{payment_id}/refunds", json=body, headers=headers | once())


async def act(world: World, refund_id: str, verb: str, operator: Headers | None = None, **body: Any) -> Any:  # noqa: ANN401 - JSON
    headers = (operator or world.tokens.staff("operator")) | once()
    return await world.api.post(f"{REFUNDS}/{refund_id}/{verb}", json=body, headers=headers)


def issue_token(world: World) -> None:
    """Record a token for the booking, so that the company refuses to reverse it."""
    update = "UPDATE postings SET prepaid_kind = 'token', prepaid_token = '1234 5678 9012 3456 7890'"
    world.company.books._db.execute(update)  # noqa: SLF001 - regular bills issue no token


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def refund_of(world: World, payment_id: str) -> dict[str, Any]:
    """The only refund of a payment, as staff see it."""
    auditor = world.tokens.staff("auditor")
    found = await world.api.get(WORKLIST, params={"payment_id": payment_id}, headers=auditor)
    (refund,) = found.json()["items"]
    return dict(refund)


async def test_a_partial_refund_leaves_the_bill_booked(world: World) -> None:
    person, payment_id, (bill,) = await completed(world, 4140)
    answer = await propose(world, payment_id, bill_id=str(bill), amount_fen=1000)
    assert answer.status_code == 201, answer.text
    (refund,) = answer.json()["items"]
    assert (refund["status"], refund["source"], refund["amount_fen"]) == ("started", "provider", 1000)
    await step(world)
    found = (await world.get(person, payment_id)).json()
    assert (found["status"], found["refunded_fen"], await world.bill_status(bill)) == ("completed", 1000, "posted")
    assert await balances(world) == {"channel_receivable": 3140, "provider_payable": -3140}
    assert await refund_trail(world, UUID(refund["refund_id"])) == ["proposed", "started", "refunded"]


async def test_a_full_refund_starts_once_the_provider_has_reversed_its_booking(world: World) -> None:
    person, payment_id, (bill,) = await completed(world, 4140)
    (refund,) = (await propose(world, payment_id)).json()["items"]
    assert refund["status"] == "unbooking"
    assert await step(world) == 0
    await world.deliver_postings()
    assert world.company.booked() == []
    await step(world)
    assert (await world.status(person, payment_id), await world.bill_status(bill)) == ("refunded", "due")
    assert await balances(world) == {}
    trail = ["proposed", "unbooking", "started", "refunded"]
    assert await refund_trail(world, UUID(refund["refund_id"])) == trail


async def test_partial_refunds_followed_by_the_rest(world: World) -> None:
    person, payment_id, (bill,) = await completed(world, 4140)
    for fen in (1000, 500):
        await propose(world, payment_id, bill_id=str(bill), amount_fen=fen)
        await step(world)
    await propose(world, payment_id)
    await world.deliver_postings()
    await step(world)
    found = (await world.get(person, payment_id)).json()
    assert (found["status"], found["refunded_fen"], await world.bill_status(bill)) == ("refunded", 4140, "due")
    assert await balances(world) == {}


async def test_concurrent_refunds_never_exceed_the_amount_paid(world: World) -> None:
    person, payment_id, (bill,) = await completed(world, 4140)
    answers = await asyncio.gather(
        *(propose(world, payment_id, bill_id=str(bill), amount_fen=1500) for _ in range(5)), return_exceptions=False
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
    assert {code(answer)[1] for answer in answers if answer.status_code == 409} == {"refund_exceeds_paid"}
    await step(world)
    assert (await world.get(person, payment_id)).json()["refunded_fen"] == 3000


async def test_a_refund_of_all_bills_is_one_refund_for_each(world: World) -> None:
    person, payment_id, bills = await completed(world, 4140, 2500)
    refunds = (await propose(world, payment_id)).json()["items"]
    assert {(refund["bill_id"], refund["amount_fen"]) for refund in refunds} == {
        (str(bills[0]), 4140),
        (str(bills[1]), 2500),
    }
    await world.deliver_postings()
    await step(world)
    assert await world.status(person, payment_id) == "refunded"
    assert [await world.bill_status(bill) for bill in bills] == ["due", "due"]


async def test_above_the_limit_two_people_decide(world: World) -> None:
    _, payment_id, (bill,) = await completed(world, LARGE_FEN)
    first = world.tokens.staff("operator")
    (refund,) = (await propose(world, payment_id, first, bill_id=str(bill), amount_fen=20_001)).json()["items"]
    assert refund["status"] == "proposed"
    assert code(await act(world, refund["refund_id"], "approve", first)) == (403, "second_person_needed")
    approved = await act(world, refund["refund_id"], "approve")
    assert approved.json()["status"] == "started", approved.text
    assert code(await act(world, refund["refund_id"], "approve")) == (409, "illegal_move")


async def test_the_limit_applies_to_the_payment_not_to_each_refund(world: World) -> None:
    _, payment_id, (bill,) = await completed(world, LARGE_FEN)
    parts = [await propose(world, payment_id, bill_id=str(bill), amount_fen=15_000) for _ in range(2)]
    assert [part.json()["items"][0]["status"] for part in parts] == ["started", "proposed"]


async def test_a_payer_requests_and_an_operator_decides(world: World) -> None:
    person, payment_id, _ = await completed(world, 4140)
    resident = world.tokens.resident(person)
    body = {"payment_id": payment_id, "reason": "paid_twice", "note": NOTE}
    answer = await world.api.post(REFUNDS, json=body, headers=resident | once())
    (refund,) = answer.json()["items"]
    assert (answer.status_code, refund["status"], "proposed_by" in refund) == (201, "requested", False)
    again = await world.api.post(REFUNDS, json=body, headers=resident | once())
    assert code(again) == (409, "refund_already_requested")
    assert (await act(world, refund["refund_id"], "approve")).json()["status"] == "unbooking"
    await world.deliver_postings()
    await step(world)
    shown = (await world.api.get(f"{REFUNDS}/{refund['refund_id']}", headers=resident)).json()
    assert (shown["status"], shown["note"]) == ("refunded", NOTE)


async def test_a_rejection_shows_its_reason_and_leaves_the_payment_completed(
    world: World,
) -> None:
    person, payment_id, _ = await completed(world, 4140)
    resident = world.tokens.resident(person)
    body = {"payment_id": payment_id, "reason": "other", "note": NOTE}
    (refund,) = (await world.api.post(REFUNDS, json=body, headers=resident | once())).json()["items"]
    await act(world, refund["refund_id"], "reject", reason="抄表无误，请核对用量")
    (shown,) = (await world.api.get(REFUNDS, params={"payment_id": payment_id}, headers=resident)).json()["items"]
    assert (shown["status"], shown["rejection"]) == ("rejected", "抄表无误，请核对用量")
    assert await world.status(person, payment_id) == "completed"
    assert code(await act(world, refund["refund_id"], "approve")) == (409, "illegal_move")


async def test_a_stranger_can_neither_see_nor_request_a_refund(world: World) -> None:
    _, payment_id, _ = await completed(world, 4140)
    stranger = world.tokens.resident(new_id())
    body = {"payment_id": payment_id, "reason": "other", "note": NOTE}
    assert code(await world.api.post(REFUNDS, json=body, headers=stranger | once())) == (404, "not_found")
    (refund,) = (await propose(world, payment_id)).json()["items"]
    assert code(await world.api.get(f"{REFUNDS}/{refund['refund_id']}", headers=stranger)) == (404, "not_found")
    assert (await world.api.get(REFUNDS, headers=stranger)).json()["items"] == []
    assert (await world.api.get(WORKLIST, headers=stranger)).status_code == 403
    assert (await propose(world, payment_id, stranger)).status_code == 403


async def test_operators_do_not_refund_their_own_payments(world: World) -> None:
    person, payment_id, _ = await completed(world, 4140)
    own = world.tokens.staff("operator", person_id=person)
    assert code(await propose(world, payment_id, own)) == (403, "second_person_needed")


async def test_no_refund_while_the_posting_is_under_way(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person, await world.bill(person))
    assert code(await propose(world, payment_id)) == (409, "posting_under_way")
    assert code(await propose(world, await world.created(person))) == (409, "payment_not_refundable")


async def test_the_rest_waits_for_the_open_partial_refund(world: World) -> None:
    _, payment_id, (bill,) = await completed(world, 4140)
    await propose(world, payment_id, bill_id=str(bill), amount_fen=1000)
    assert code(await propose(world, payment_id)) == (409, "refund_under_way")


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1000", 2**63, True])
async def test_an_invalid_amount_is_refused(world: World, amount: object) -> None:
    _, payment_id, (bill,) = await completed(world, 4140)
    assert code(await propose(world, payment_id, bill_id=str(bill), amount_fen=amount)) == (422, "invalid_request")


async def test_an_amount_needs_its_bill(world: World) -> None:
    _, payment_id, _ = await completed(world, 4140, 2500)
    assert code(await propose(world, payment_id, amount_fen=1000)) == (422, "invalid_request")


async def test_a_refund_refused_by_the_channel_goes_by_bank_transfer_with_two_people(world: World) -> None:
    person, payment_id, (bill,) = await completed(world, 4140)
    await world.faults(refuse_refunds=1)
    await propose(world, payment_id, bill_id=str(bill), amount_fen=1000)
    await step(world)
    failed = await refund_of(world, payment_id)
    assert failed["status"] == "failed"
    first = world.tokens.staff("operator")
    again = (await act(world, failed["refund_id"], "retry", first, way="bank_transfer", reason="渠道拒绝")).json()
    assert (again["status"], again["retry_of"]) == ("by_transfer", failed["refund_id"])
    sent: dict[str, Any] = {"reference": "ICBC-2026-0001", "transferred_at": "2026-09-30T10:00:00+08:00"}
    assert code(await act(world, again["refund_id"], "transferred", first, **sent)) == (403, "second_person_needed")
    future: dict[str, Any] = {**sent, "transferred_at": "2199-01-01T00:00:00Z"}
    assert code(await act(world, again["refund_id"], "transferred", **future)) == (422, "transfer_in_future")
    assert (await act(world, again["refund_id"], "transferred", **sent)).json()["status"] == "refunded"
    found = (await world.get(person, payment_id)).json()
    assert (found["status"], found["refunded_fen"]) == ("completed", 1000)
    assert await balances(world) == {"channel_receivable": 4140, "provider_payable": -3140, "bank": -1000}
    once_more = await act(world, failed["refund_id"], "retry", way="channel", reason="再试一次")
    assert code(once_more) == (409, "illegal_move")


async def test_a_booking_that_the_provider_keeps_is_decided_by_a_second_person(world: World) -> None:
    person, payment_id, (bill,) = await completed(world, 4140)
    issue_token(world)
    first = world.tokens.staff("operator")
    (refund,) = (await propose(world, payment_id, first)).json()["items"]
    await world.deliver_postings()
    assert (await refund_of(world, payment_id))["status"] == "booking_kept"
    assert await world.status(person, payment_id) == "completed"
    assert code(await act(world, refund["refund_id"], "approve", first)) == (403, "second_person_needed")
    assert (await act(world, refund["refund_id"], "approve")).json()["status"] == "started"
    await step(world)
    assert await balances(world) == {}
    assert (await world.status(person, payment_id), await world.bill_status(bill)) == ("refunded", "posted")


async def test_the_same_idempotency_key_refunds_once(world: World) -> None:
    person, payment_id, (bill,) = await completed(world, 4140)
    operator = world.tokens.staff("operator") | once()
    body = {"reason": "overcharged", "note": NOTE, "bill_id": str(bill), "amount_fen": 1000}
    url = f"{PAYMENTS}/{payment_id}/refunds"
    first, second = [await world.api.post(url, json=body, headers=operator) for _ in range(2)]
    assert (second.json(), second.headers["idempotency-replayed"]) == (first.json(), "true")
    await step(world)
    assert (await world.get(person, payment_id)).json()["refunded_fen"] == 1000
