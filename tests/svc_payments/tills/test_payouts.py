"""Payouts of refunds at the counter."""

from typing import Any

from chassis.db import new_id
from tests.svc_payments.tills.counter import Counter, Headers, refusal
from tests.svc_payments.world import World


async def walk_in(
    world: World, counter: Counter, clerk: Headers, session: str, fen: int = 4140
) -> tuple[dict[str, Any], str]:
    """A refund of what somebody paid in cash without naming themselves, and the code on their receipt."""
    paid = (await counter.pay_cash(clerk, session, await world.bill(new_id(), fen), 100_000)).json()
    code = await counter.receipt_code(clerk, session, paid["payment_id"])
    return await counter.booked_and_refunded(paid["payment_id"]), code


async def test_cash_leaves_the_drawer_once_and_the_books_agree(world: World, counter: Counter) -> None:
    clerk, bill = counter.staff("clerk"), await world.bill(new_id())
    session = await counter.opened(clerk)
    paid = (await counter.pay_cash(clerk, session, bill)).json()
    code = await counter.receipt_code(clerk, session, paid["payment_id"])
    refund = await counter.booked_and_refunded(paid["payment_id"])
    number = refund["number"]
    seen = (await counter.get(clerk, f"{session}/refunds/{number}")).json()
    assert (seen["amount_fen"], seen["channel"], seen["status"]) == (4140, "cash", "at_counter")
    assert (await counter.approve_payout(session, number)).status_code == 201
    assert (await counter.pay_out(clerk, session, number, receipt_code=code)).json()["status"] == "refunded"
    assert refusal(await counter.pay_out(clerk, session, number, receipt_code=code)) == (409, "illegal_move")
    report = (await counter.get(clerk, session)).json()
    assert (report["paid_out_fen"], report["expected_fen"]) == (4140, 50_000)
    assert (await counter.closed(clerk, session, 50_000)).json()["difference_fen"] == 0
    assert await counter.balance("channel_receivable", "cash") == 0
    assert await world.bill_status(bill) == "due"
    actions = ["propose_refund", "look_up_refund", "approve_payout", "pay_out_refund"]
    assert await counter.audit_actions(refund["refund_id"]) == actions


async def test_no_more_is_paid_out_than_the_drawer_holds(world: World, counter: Counter) -> None:
    first, second = counter.staff("clerk"), counter.staff("clerk")
    session, other = await counter.opened(first), await counter.opened(second, "T2")
    refund, code = await walk_in(world, counter, first, session, 60_000)
    await counter.approve_payout(other, refund["number"])
    refused = await counter.pay_out(second, other, refund["number"], receipt_code=code)
    assert refusal(refused) == (409, "not_enough_in_drawer")
    await counter.approve_payout(session, refund["number"])
    assert (await counter.pay_out(first, session, refund["number"], receipt_code=code)).status_code == 200


async def test_a_card_goes_back_over_the_terminal(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    paid = (await counter.pay_card(clerk, session, await world.bill(new_id()), counter.slip())).json()
    code = await counter.receipt_code(clerk, session, paid["payment_id"])
    number = (await counter.booked_and_refunded(paid["payment_id"]))["number"]
    await counter.approve_payout(session, number)
    refused = await counter.pay_out(clerk, session, number, receipt_code=code)
    assert refusal(refused) == (422, "terminal_reference_needed")
    proof = {"receipt_code": code, "retrieval_number": "000000000099"}
    given = await counter.pay_out(clerk, session, number, **proof)
    assert given.json()["status"] == "refunded"
    assert (await counter.get(clerk, session)).json()["paid_out_fen"] == 0


async def test_only_a_clerk_with_an_open_till_pays_out(world: World, counter: Counter) -> None:
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    refund, code = await walk_in(world, counter, clerk, session)
    await counter.approve_payout(session, refund["number"])
    stranger, proof = counter.staff("clerk"), {"receipt_code": code}
    assert refusal(await counter.pay_out(stranger, session, refund["number"], **proof)) == (404, "not_found")
    assert refusal(await counter.pay_out(clerk, session, "0" * 32, **proof)) == (404, "not_found")
    await counter.count(clerk, session, 54_140)
    refused = await counter.pay_out(clerk, session, refund["number"], **proof)
    assert refusal(refused) == (409, "till_session_not_open")
