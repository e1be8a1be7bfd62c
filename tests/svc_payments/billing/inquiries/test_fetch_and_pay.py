"""A bill fetched by inquiry, paid, and posted to the reference provider."""

from chassis.db import new_id
from contracts.reference_provider.billing_month import clean_month
from contracts.reference_provider.roster import account_number
from contracts.reference_provider.tariff import SAMPLES
from tests.svc_payments.billing.inquiries.desk import Desk, refusal
from tests.svc_payments.world import ACCOUNTS, SEED, World


async def test_a_fetched_bill_is_paid_and_booked_and_then_nothing_is_due(world: World) -> None:
    world.company.books.add_bills(clean_month(SEED, ACCOUNTS, SAMPLES["water"], "2026-09"))
    account = account_number(SEED, 7)
    desk = await Desk(world.api, world.database, world.tokens, world.provider_id, account).open()
    (bill,) = await desk.bills()
    payment_id = await world.captured(desk.person, bill["bill_id"])
    assert refusal(await desk.inquire_later()) == (409, "payment_unfinished")
    await world.deliver_postings()
    assert await world.status(desk.person, payment_id) == "completed"
    (booked,) = world.company.booked()
    assert (booked["bill_number"], booked["amount_fen"]) == (bill["bill_number"], bill["amount_fen"])
    assert refusal(await desk.inquire_later()) == (409, "nothing_due")
    assert (await world.trial_balance())["balance_fen"] == 0


async def test_the_company_verifies_the_caller_and_the_account(world: World) -> None:
    unknown = account_number(SEED, ACCOUNTS + 1)
    desk = await Desk(world.api, world.database, world.tokens, world.provider_id, unknown).open()
    assert refusal(await desk.inquire()) == (404, "no_such_account")
    known = Desk(world.api, world.database, world.tokens, world.provider_id, account_number(SEED, 1), new_id())
    await known.bind(known.person)
    for state in ("not_payable_online", "payment_unfinished"):
        world.company.books.set_state(known.account_number, state)
        assert refusal(await known.inquire_later()) == (409, state)
