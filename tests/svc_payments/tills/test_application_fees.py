"""The fee of an application is paid at a counter as a bill is: by the application's id."""

from chassis.db import new_id
from chassis.testing import once
from svc_payments.collection.application_fees.service import return_due
from tests.svc_payments.collection.application_fees.quotes import Quote, broken_rules, quoted, refunds
from tests.svc_payments.tills.counter import Answer, Counter, Headers, refusal
from tests.svc_payments.world import World


async def pay(counter: Counter, clerk: Headers, session: str, quote: Quote, **changes: object) -> Answer:
    of_fee = {"account_number": str(quote.application_id), **changes}
    return await counter.pay_cash(clerk, session, quote.fee_id, 120_000, **of_fee)


async def test_a_fee_is_looked_up_paid_in_cash_booked_and_told_of(world: World, counter: Counter) -> None:
    clerk, quote = counter.staff("clerk"), await quoted(world)
    session = await counter.opened(clerk)
    number = str(quote.application_id).upper()
    asked = {"provider_id": str(world.provider_id), "account_number": number}
    (bill,) = (await counter.get(clerk, f"{session}/bills", **asked)).json()
    assert (bill["bill_id"], bill["kind"]) == (str(quote.fee_id), "application_fee")
    (read,) = [each for each in await world.events() if each.type == "cn.ili.payments.personal_data.read.v1"]
    assert read.data["person_id"] == str(quote.person_id)
    paid = await pay(counter, clerk, session, quote, account_number=number)
    assert (paid.status_code, paid.json()["status"], paid.json()["account_number"]) == (
        201,
        "captured",
        str(quote.application_id),
    )
    assert paid.json()["receipt_number"]
    await world.deliver_postings()
    (booking,) = world.company.booked()
    assert booking["application_id"] == str(quote.application_id)
    assert await quote.told() == [("reserved", 1), ("paid", 2)]
    assert (await counter.get(clerk, f"{session}/bills", **asked)).json() == []
    assert refusal(await pay(counter, clerk, session, quote)) == (409, "bill_already_paid")
    assert await broken_rules(world) == []


async def test_the_applicant_may_be_named_as_the_payer_and_nobody_else(world: World, counter: Counter) -> None:
    clerk, quote = counter.staff("clerk"), await quoted(world)
    session = await counter.opened(clerk)
    assert refusal(await pay(counter, clerk, session, quote, person_id=str(new_id()))) == (422, "payer_not_bound")
    paid = await pay(counter, clerk, session, quote, person_id=str(quote.person_id))
    assert paid.status_code == 201
    assert await world.status(quote.person_id, paid.json()["payment_id"]) == "captured"


async def test_a_fee_is_not_paid_by_another_application_or_account(world: World, counter: Counter) -> None:
    clerk, quote, other = counter.staff("clerk"), await quoted(world), await quoted(world)
    session = await counter.opened(clerk)
    wrong = await pay(counter, clerk, session, quote, account_number=str(other.application_id))
    assert refusal(wrong) == (404, "not_found")
    assert refusal(await counter.pay_cash(clerk, session, quote.fee_id, 120_000)) == (404, "not_found")
    await quote.tell("withdrawn")
    assert refusal(await pay(counter, clerk, session, quote)) == (409, "bill_not_payable")


async def test_a_fee_paid_in_cash_for_a_case_that_ended_waits_at_the_counter(world: World, counter: Counter) -> None:
    clerk, quote = counter.staff("clerk"), await quoted(world)
    session = await counter.opened(clerk)
    await pay(counter, clerk, session, quote)
    await world.deliver_postings()
    await quote.tell("withdrawn")
    await return_due(world.database)
    await world.deliver_postings()
    assert await refunds(world) == [("application_ended", "at_counter", 120_000)]


async def test_an_applicant_on_the_staff_does_not_decide_on_their_own_fee(world: World, counter: Counter) -> None:
    clerk, applicant = counter.staff("clerk"), new_id()
    quote = await quoted(world, person_id=applicant)
    session = await counter.opened(clerk)
    payment_id = (await pay(counter, clerk, session, quote)).json()["payment_id"]
    await world.deliver_postings()
    headers = world.tokens.staff("operator", person_id=applicant)
    path = f"/payments/v1/payments/{payment_id}/refunds"
    body = {"reason": "overcharged", "note": "抄表有误，退还费用"}
    refused = await world.api.post(path, json=body, headers=headers | once())
    assert refusal(refused) == (403, "second_person_needed")
