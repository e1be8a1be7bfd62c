"""A small platform on which every kind of money fact exists: paid, booked, refunded, settled, paid out, looked up."""

from datetime import datetime, timedelta
from unittest.mock import patch

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.testing import once
from kit.calendar import database_time, today
from svc_payments.settlement import day_close
from tests.svc_payments.billing.terms.agreement import put_in_force
from tests.svc_payments.collection.app_orders.desk import library
from tests.svc_payments.collection.application_fees.quotes import quoted
from tests.svc_payments.collection.mandates.giver import Giver
from tests.svc_payments.collection.refunds.steps import refused, step
from tests.svc_payments.operations.manual_actions.test_manual_actions import Operators, correction
from tests.svc_payments.reconciliation.runs.books import ingest, reconcile, sample_payment, statement_of
from tests.svc_payments.tills.counter import Counter
from tests.svc_payments.world import World

API = "/payments/v1"
REASON = {"reason": "日常结算"}


async def play(world: World) -> None:
    """Everything that leaves money facts, over the service's own API."""
    await put_in_force(world.api, world.tokens, world.provider_id, {})
    await _pay_over_the_channel(world)
    await _pay_at_the_counter(world)
    await _collect_for_a_library(world)
    await _settle(world, days=0)
    await _transfer(world)
    await _pay_at_the_counter(world)
    await _settle(world, days=1)
    await _end_unbooked(world)
    giver = Giver(world)
    await giver.bind()
    await giver.requested()
    operators = Operators(world.api, world.tokens)
    await operators.approve(await operators.proposed(correction()))
    await _disagree(world)
    await quoted(world)
    await (await quoted(world)).tell("withdrawn")
    for _ in range(5):
        headers = world.tokens.staff("auditor")
        await world.api.get(f"{API}/ledger/accounts", params={"holder": "sandbox"}, headers=headers)


async def _collect_for_a_library(world: World) -> None:
    desk = await library(world)
    await desk.created()
    order_id = await desk.created()
    await desk.paid(order_id)
    assert (await desk.refund(order_id, 3_000)).status_code == 201
    await step(world)


async def _pay_over_the_channel(world: World) -> None:
    for account in range(4):
        person = new_id()
        bills = [await world.bill(person, 1_000 + account, account=account) for _ in range(1 + account % 2)]
        payment_id = await world.confirmed(person, *bills)
        paid = await world.pay(payment_id)
        await world.notify(world.notice_of(paid))
        if account == 0:
            await world.notify(world.notice_of(paid, transaction_id="T-second"))
    await refused(world)
    await _deliver(world)
    await step(world)
    await world.confirmed(new_id())


async def _pay_at_the_counter(world: World) -> None:
    counter = Counter(world)
    clerk = counter.staff("clerk")
    session = await counter.opened(clerk)
    payers = [new_id() for _ in range(3)]
    bills = [await world.bill(payer, 2_000 + number, account=0) for number, payer in enumerate(payers)]
    cash = [
        (await counter.pay_cash(clerk, session, bill, person_id=str(payer))).json()
        for bill, payer in zip(bills, payers, strict=True)
    ]
    await counter.pay_card(clerk, session, await world.bill(new_id(), account=0), counter.slip())
    await _deliver(world)
    code = await counter.receipt_code(clerk, session, cash[0]["payment_id"])
    number = (await counter.booked_and_refunded(cash[0]["payment_id"]))["number"]
    await _deliver(world)
    await counter.approve_payout(session, number)
    assert (await counter.pay_out(clerk, session, number, receipt_code=code)).status_code == 200
    asked_back = await counter.booked_and_refunded(cash[1]["payment_id"])
    await _deliver(world)
    await counter.payout_code(payers[1], asked_back["refund_id"])
    drawer = 50_000 + 2_001 + 2_002
    assert (await counter.closed(clerk, session, drawer)).status_code == 200


async def _end_unbooked(world: World) -> None:
    """The company answers neither a posting nor its cancellation in time, and after the refund keeps the booking."""
    payer = new_id()
    await world.captured(payer, await world.bill(payer, 3_000, account=7))
    await _run(world, "UPDATE postings SET created_at = created_at - interval '2 days' WHERE status = 'pending'")
    for _ in range(2):
        world.company.app.lost = 1
        await world.deliver_postings(1.0)
    world.company.app.lost = 0
    await step(world)
    await _run(world, "UPDATE postings SET try_at = now() WHERE status = 'cancelling'")
    await world.deliver_postings()


async def _disagree(world: World) -> None:
    """The channel has a payment that the ledger lacks, and an operator says what is known of it."""
    await ingest(world.database, statement_of(sample_payment()))
    await reconcile(world.database, world.settings)
    operator = world.tokens.staff("operator")
    (case,) = (await world.api.get(f"{API}/cases", headers=operator)).json()["items"]
    comment = {"words": "已电话询问渠道"}
    said = await world.api.post(f"{API}/cases/{case['case_id']}/comments", json=comment, headers=operator | once())
    assert said.status_code == 200, said.text


async def _run(world: World, statement: str) -> None:
    async with world.database.transaction() as tx:
        assert (await tx.execute(text(f"{statement} RETURNING id"))).all()


async def _deliver(world: World) -> None:
    """Postings of one account go out one after the other."""
    while await world.deliver_postings():
        pass


async def _settle(world: World, *, days: int) -> None:
    """Close the present day, as if the next one had begun."""

    async def later(tx: AsyncSession) -> datetime:
        return await database_time(tx) + timedelta(days=days + 2)

    with patch.object(day_close, "database_time", later):
        async with world.database.transaction() as tx:
            closed = await day_close.close_day(tx, today() + timedelta(days=days), timedelta(hours=1))
    assert [settlement.payable_fen > 0 for settlement in closed] == [True]


async def _transfer(world: World) -> None:
    one, other = (world.tokens.staff("operator") for _ in range(2))
    file = await world.api.post(f"{API}/transfer-files", json=REASON, headers=one | once())
    assert file.status_code == 201, file.text
    path = f"{API}/transfer-files/{file.json()['transfer_file_id']}"
    for step_, who in (("sent", other), ("confirmed", one)):
        assert (await world.api.post(f"{path}/{step_}", json=REASON, headers=who | once())).status_code == 200
