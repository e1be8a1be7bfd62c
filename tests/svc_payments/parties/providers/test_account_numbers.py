"""Every place that takes an account number goes by what its provider declares: one kind of provider after another."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chassis.db import new_id
from chassis.testing import once
from contracts.reference_provider.books import BilledBill
from contracts.reference_provider.numbering import NUMBERINGS
from svc_payments.billing.bills.models import Bill
from svc_payments.tills.service import CLERK
from tests.svc_payments.billing.bills.factories import a_bill, save
from tests.svc_payments.billing.inquiries.desk import Desk
from tests.svc_payments.billing.terms.agreement import put_in_force, today
from tests.svc_payments.collection.mandates.giver import Giver
from tests.svc_payments.collection.top_ups.shop import Shop
from tests.svc_payments.parties.providers.account_kinds import CHECKED_KINDS, KINDS, Customer, declare, mistyped
from tests.svc_payments.scripted import LAST_MONTH
from tests.svc_payments.tills.counter import Counter
from tests.svc_payments.world import SEED, World

Place = Callable[[Customer, str], Awaitable[httpx.Response]]


@pytest_asyncio.fixture
async def customer(world: World, request: pytest.FixtureRequest) -> Customer:
    """A customer of a company of the parametrized kind, not bound to the account."""
    await declare(world.database, world.provider_id, request.param)
    world.company.books.fill_roster(SEED, 20, request.param)
    return Customer(world, request.param)


async def owed(customer: Customer) -> Bill:
    bill = a_bill(customer.world.provider_id, account_number=customer.number, amount_fen=4140, due_date=today())
    await save(customer.world.database, bill)
    return bill


async def inquire(customer: Customer, number: str) -> httpx.Response:
    body = customer.account | {"account_number": number}
    return await post(customer, "bill-inquiries", body)


async def validate_top_up(customer: Customer, number: str) -> httpx.Response:
    return await post(
        customer, "top-up-validations", customer.account | {"account_number": number, "amount_fen": 5_000}
    )


async def give_mandate(customer: Customer, number: str) -> httpx.Response:
    more = {"account_number": number, "channel": "sandbox", "limit_fen": 10_000}
    return await post(customer, "mandates", customer.account | more)


async def quote(customer: Customer, number: str) -> httpx.Response:
    return await post(customer, "payment-quotes", customer.account | {"account_number": number})


async def look_up_at_till(customer: Customer, number: str) -> httpx.Response:
    counter = Counter(customer.world)
    clerk = counter.staff(CLERK)
    session = await counter.opened(clerk)
    return await counter.get(clerk, f"{session}/bills", **(customer.account | {"account_number": number}))


async def pay_at_till(customer: Customer, number: str) -> httpx.Response:
    counter = Counter(customer.world)
    clerk = counter.staff(CLERK)
    session = await counter.opened(clerk)
    tender = {"channel": "cash", "tendered_fen": 5_000}
    return await counter.post(
        clerk, f"{session}/payments", counter.payment_request(new_id(), tender, account_number=number)
    )


async def post(customer: Customer, path: str, body: dict[str, Any]) -> httpx.Response:
    headers = customer.world.tokens.resident(customer.person) | once() | {"Accept-Language": "en"}
    return await customer.world.api.post(f"/payments/v1/{path}", json=body, headers=headers)


PLACES: dict[str, Place] = {
    "inquiry": inquire,
    "top_up": validate_top_up,
    "mandate": give_mandate,
    "payment": quote,
    "look_up": look_up_at_till,
    "till": pay_at_till,
}


@pytest.mark.parametrize("customer", KINDS, indirect=True)
async def test_a_bill_is_fetched_by_an_inquiry(customer: Customer) -> None:
    await customer.bound()
    world = customer.world
    due = BilledBill("Q-1", customer.number, f"{LAST_MONTH:%Y-%m}", "12", 4140, f"{today()}", "0", "12")
    world.company.books.add_bills([due])
    await Desk(world.api, world.database, world.tokens, world.provider_id, customer.number).open()
    answer = await inquire(customer, customer.typed)
    assert answer.status_code == 200, answer.text
    assert [bill["account_number"] for bill in answer.json()["bills"]] == [customer.number]


@pytest.mark.parametrize("customer", KINDS, indirect=True)
async def test_a_top_up_is_bought_and_booked(customer: Customer) -> None:
    shop = await Shop(customer.world, customer.typed, customer.person).open(
        bound=False, top_up={"amounts_fen": [5_000], "accounts": "any"}
    )
    await shop.captured()
    await customer.world.deliver_postings()
    assert [row["account_number"] for row in customer.world.company.booked()] == [customer.number]


@pytest.mark.parametrize("customer", KINDS, indirect=True)
async def test_a_mandate_is_given(customer: Customer) -> None:
    await customer.bound()
    giver = Giver(customer.world, customer.person)
    given = await giver.give(account_number=customer.typed)
    assert (given.status_code, given.json()["account_number"]) == (201, customer.number)


@pytest.mark.parametrize("customer", KINDS, indirect=True)
async def test_an_account_is_paid_on_and_found_again(customer: Customer) -> None:
    await customer.bound()
    bill = await owed(customer)
    world, headers = customer.world, customer.world.tokens.resident(customer.person)
    paid = await post(customer, "payments", customer.account | {"amount_fen": 4140, "channel": "sandbox"})
    assert paid.status_code == 201, paid.text
    wanted = {"account_number": customer.typed}
    bills = (await world.api.get("/payments/v1/bills", params=wanted, headers=headers)).json()["items"]
    payments = (await world.api.get("/payments/v1/payments", params=wanted, headers=headers)).json()["items"]
    assert [each["bill_id"] for each in bills] == [f"{bill.id}"]
    assert [each["payment_id"] for each in payments] == [paid.json()["payment_id"]]
    operator = world.tokens.staff("operator")
    found = await world.api.get("/payments/v1/search", params={"number": customer.number}, headers=operator)
    assert [(hit["kind"], hit["found_by"]) for hit in found.json()["items"]] == [("bill", "account_number")]


@pytest.mark.parametrize("customer", KINDS, indirect=True)
async def test_a_bill_is_paid_at_a_till(customer: Customer) -> None:
    bill, counter = await owed(customer), Counter(customer.world)
    clerk = counter.staff(CLERK)
    session = await counter.opened(clerk)
    shown = await counter.get(clerk, f"{session}/bills", **customer.account)
    assert [each["account_number"] for each in shown.json()] == [customer.number]
    tender = {"channel": "cash", "tendered_fen": 5_000}
    request = counter.payment_request(bill.id, tender, account_number=customer.typed)
    taken = await counter.post(clerk, f"{session}/payments", request)
    assert (taken.status_code, taken.json()["account_number"]) == (201, customer.number)


@pytest.mark.parametrize("place", sorted(PLACES))
@pytest.mark.parametrize("customer", CHECKED_KINDS, indirect=True)
async def test_a_wrong_check_digit_is_refused_with_the_label(customer: Customer, place: str) -> None:
    offer = {"bill_sources": ["inquiry", "top_up"], "top_up": {"amounts_fen": [5_000], "accounts": "any"}}
    world = customer.world
    await put_in_force(world.api, world.tokens, world.provider_id, offer, since=today())
    answer = await PLACES[place](customer, mistyped(customer.number))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_account_check_digit")
    assert answer.json()["example"] == NUMBERINGS[customer.kind].example


@pytest.mark.parametrize("place", sorted(PLACES))
@pytest.mark.parametrize("customer", ["telecom"], indirect=True)
async def test_a_number_of_another_form_is_refused_with_what_would_fit(customer: Customer, place: str) -> None:
    offer = {"bill_sources": ["inquiry", "top_up"], "top_up": {"amounts_fen": [5_000], "accounts": "any"}}
    world = customer.world
    await put_in_force(world.api, world.tokens, world.provider_id, offer, since=today())
    answer = await PLACES[place](customer, "1234567897")
    refused = answer.json()
    assert (answer.status_code, refused["code"], refused["pattern"]) == (422, "bad_account_number", "^1[3-9][0-9]{9}$")
    assert refused["label"] in {"手机号码", "Mobile number"}
    assert all(part in refused["detail"] for part in (refused["label"], "11", "13800138000"))


@pytest.mark.parametrize("place", sorted(PLACES))
@pytest.mark.parametrize("customer", ["electricity"], indirect=True)
async def test_hostile_text_is_refused_and_breaks_nothing(customer: Customer, place: str) -> None:
    offer = {"bill_sources": ["inquiry", "top_up"], "top_up": {"amounts_fen": [5_000], "accounts": "any"}}
    world = customer.world
    await put_in_force(world.api, world.tokens, world.provider_id, offer, since=today())
    for number in ("", " ", "\u0000", "0" * 65, "０１２３\u202e", "{label}", "' OR 1=1 --", "०१२३४५६७८९०१२"):
        assert (await PLACES[place](customer, number)).status_code == 422, number


@pytest.mark.parametrize("customer", ["electricity"], indirect=True)
async def test_an_account_on_record_stays_usable_when_other_numbers_are_declared(customer: Customer) -> None:
    world = customer.world
    await customer.bound()
    await owed(customer)
    await declare_anew(world, "cable_tv")
    quoted = await quote(customer, customer.typed)
    assert (quoted.status_code, quoted.json()["amount_fen"]) == (200, 4140)
    assert len((await look_up_at_till(customer, customer.typed)).json()) == 1
    stranger = Customer(world, customer.kind)
    assert (await quote(stranger, mistyped(customer.number))).json()["code"] == "bad_account_number"


async def declare_anew(world: World, kind: str) -> None:
    await declare(world.database, world.provider_id, kind, revision=2)
