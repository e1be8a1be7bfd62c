"""Automatic reversals: refused or unanswered postings, late money and double payments."""

from chassis.testing import until
from tests.svc_payments.collection.refunds.steps import balances, refund_trail, refunds, refused, statuses, step
from tests.svc_payments.world import World


async def test_a_refused_posting_is_reversed_and_its_bill_is_due_again(world: World) -> None:
    person, payment_id, bill = await refused(world)
    assert await balances(world) == {"channel_receivable": 4140, "refunds": -4140}
    assert await step(world) == 1
    (refund,) = await refunds(world)
    assert (refund.status, refund.reason, refund.amount_fen) == ("refunded", "posting_refused", 4140)
    found = (await world.get(person, payment_id)).json()
    assert (found["status"], found["refunded_fen"]) == ("refunded", 4140)
    assert await world.bill_status(bill) == "due"
    assert await balances(world) == {}
    events = ["created", "pending", "captured", "posting_refused", "reversing", "refunded"]
    assert await world.trail(payment_id) == events
    assert await refund_trail(world, refund.id) == ["started", "refunded"]


async def test_a_reversed_bill_can_be_paid_again(world: World) -> None:
    person, _, bill = await refused(world)
    await step(world)
    again = await world.captured(person, bill)
    assert await world.status(person, again) == "captured"


async def test_a_refund_notice_of_the_sandbox_triggers_a_query(world: World) -> None:
    _, payment_id, _ = await refused(world)
    await world.faults(slow_refunds=1)
    await step(world, ask_again_seconds=(3_600.0,))
    (refund,) = await refunds(world)
    await world.channel.post(f"/refunds/{refund.number}/settle", json={"state": "succeeded"})
    number = await world.order_number(payment_id)

    async def acknowledged() -> bool:
        sent = (await world.channel.get(f"/orders/{number}/notices")).json()["items"]
        of_refund = [each["answer_status"] for each in sent if "refund.succeeded" in each["body"]]
        return of_refund[-1:] == [204]

    assert await statuses(world) == ["refunding"]
    await until(acknowledged)
    async with world.refunds() as worker:
        assert await worker.ask_due() == 1
    assert await statuses(world) == ["refunded"]
