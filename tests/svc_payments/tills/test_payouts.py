"""Payouts of refunds at the counter."""

from typing import Any

import httpx

from chassis.db import new_id
from chassis.testing import once
from tests.svc_payments.tills.counter import Counter, Headers, refusal
from tests.svc_payments.world import World


async def refund_of(world: World, payment_id: str) -> dict[str, Any]:
    """A refund of a booked payment, ready for payout at the counter."""
    await world.deliver_postings()
    body = {"reason": "overcharged", "note": "抄表有误，已与单位核对"}
    operator = world.tokens.staff("operator") | once()
    answer = await world.api.post(f"/payments/v1/payments/{payment_id}/refunds", json=body, headers=operator)
    assert answer.status_code == 201, answer.text
    await world.deliver_postings()
    (refund,) = answer.json()["items"]
    return dict(refund)


async def pay_out(counter: Counter, clerk: Headers, session: str, number: str, **slip: str) -> httpx.Response:
    return await counter.post(clerk, f"{session}/refunds/{number}/pay-out", slip)


async def test_cash_leaves_the_drawer_once_and_the_books_agree(world: World, counter: Counter) -> None:
    clerk, bill = counter.staff("clerk"), await world.bill(new_id())
    session = await counter.opened(clerk)
    paid = (await counter.pay_cash(clerk, session, bill)).json()
    refund = await refund_of(world, paid["payment_id"])
    seen = (await counter.get(clerk, f"{session}/refunds/{refund['number']}")).json()
    assert (seen["amount_fen"], seen["channel"], seen["status"]) == (4140, "cash", "at_counter")
    assert (await pay_out(counter, clerk, session, refund["number"])).json()["status"] == "refunded"
    assert refusal(await pay_out(counter, clerk, session, refund["number"])) == (409, "illegal_move")
    report = (await counter.get(clerk, session)).json()
    assert (report["paid_out_fen"], report["expected_fen"]) == (4140, 50_000)
    assert (await counter.closed(clerk, session, 50_000)).json()["difference_fen"] == 0
    assert await counter.balance("channel_receivable", "cash") == 0
    assert await world.bill_status(bill) == "due"
    assert await counter.audit_actions(refund["refund_id"]) == ["propose_refund", "look_up_refund", "pay_out_refund"]


async def test_no_more_is_paid_out_than_the_drawer_holds(world: World, counter: Counter) -> None:
    first, second = counter.staff("clerk"), counter.staff("clerk")
    session = await counter.opened(first)
    paid = (await counter.pay_cash(first, session, await world.bill(new_id(), 60_000), 60_000)).json()
    refund = await refund_of(world, paid["payment_id"])
    approved = world.tokens.staff("operator") | once()
    await world.api.post(f"/payments/v1/refunds/{refund['refund_id']}/approve", headers=approved)
    await world.deliver_postings()
    other = await counter.opened(second, "T2")
    assert refusal(await pay_out(counter, second, other, refund["number"])) == (409, "not_enough_in_drawer")
    assert (await pay_out(counter, first, session, refund["number"])).status_code == 200


async def test_a_card_goes_back_over_the_terminal(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    paid = (await counter.pay_card(clerk, session, await world.bill(new_id()), counter.slip())).json()
    refund = await refund_of(world, paid["payment_id"])
    assert refusal(await pay_out(counter, clerk, session, refund["number"])) == (422, "terminal_reference_needed")
    given = await pay_out(counter, clerk, session, refund["number"], retrieval_number="000000000099")
    assert given.json()["status"] == "refunded"
    assert (await counter.get(clerk, session)).json()["paid_out_fen"] == 0


async def test_only_a_clerk_with_an_open_till_pays_out(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    paid = (await counter.pay_cash(clerk, session, await world.bill(new_id()))).json()
    refund = await refund_of(world, paid["payment_id"])
    stranger = counter.staff("clerk")
    assert refusal(await pay_out(counter, stranger, session, refund["number"])) == (404, "not_found")
    assert refusal(await pay_out(counter, clerk, session, "0" * 32)) == (404, "not_found")
    await counter.count(clerk, session, 54_140)
    assert refusal(await pay_out(counter, clerk, session, refund["number"])) == (409, "till_session_not_open")
