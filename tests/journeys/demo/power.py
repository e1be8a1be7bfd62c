"""The act of the power company, which sends no bills: the platform queries amounts due and sells top-ups."""

from datetime import datetime
from typing import Any

import httpx

from contracts.reference_provider.holders import BEIJING
from contracts.reference_provider.numbering import NUMBERINGS
from contracts.reference_provider.roster import account_number, position
from svc_payments.amounts import in_digits
from tests.journeys.demo.app import Person
from tests.journeys.demo.payment import pay_and_complete
from tests.journeys.demo.people import bind
from tests.journeys.demo.stage import Stage

TERMS = {
    "bill_sources": ["inquiry", "top_up"],
    "late_fee": {"daily_ten_thousandths": 5},
    "top_up": {"amounts_fen": [5_000, 10_000], "accounts": "any"},
}


def buy_power(stage: Stage, resident: Person) -> None:
    stage.narrator.act("6  A power company sends no bills: one is fetched and paid, and a prepaid meter topped up")
    _approve_terms(stage)
    # The company has the same customers as the water company, under numbers of its own form.
    water_account = resident.call("GET", "/services/v1/account-bindings").json()["items"][0]["account_number"]
    customer = position(stage.water.seed, water_account)
    account = account_number(stage.power.seed, customer, stage.power.kind)
    _refuse_other_form(stage, resident, water_account)
    bind(stage, resident, stage.power.provider_id, account)
    body = {"provider_id": stage.power.provider_id, "account_number": account}
    _fetch_and_pay(stage, resident, body)
    _top_up(stage, resident, body)


def _refuse_other_form(stage: Stage, resident: Person, water_account: str) -> None:
    attested = resident.call("POST", "/identity/v1/me/attestations", json={"purpose": "account_binding"})
    binding = {"provider_id": stage.power.provider_id, "account_number": water_account}
    binding["attestation"] = attested.json()["attestation"]
    refused = resident.call("POST", "/services/v1/account-bindings", json=binding)
    content = stage.narrator.answered("a water account is none of the company's", refused, 422, "bad_account_number")
    declared = NUMBERINGS[stage.power.kind].example
    stage.narrator.check("the answer shows what one looks like", content["example"], declared)


def _approve_terms(stage: Stage) -> None:
    path = f"/payments/v1/providers/{stage.power.provider_id}/payment-terms"
    today = datetime.now(BEIJING).date()
    new = {"terms": TERMS, "in_force_from": today.isoformat(), "reason": "Agreement with the power company"}
    proposed = stage.operator.call("POST", path, json=new)
    version = stage.narrator.answered("an operator proposes its payment terms", proposed, 201)["version"]
    own = stage.operator.call("POST", f"{path}/versions/{version}/approve")
    stage.narrator.answered("and cannot approve them", own, 403, "second_person_needed")
    approved = stage.second_operator.call("POST", f"{path}/versions/{version}/approve")
    stage.narrator.answered("a second operator does", approved, 200)


def _fetch_and_pay(stage: Stage, resident: Person, account: dict[str, Any]) -> None:
    def inquire() -> httpx.Response | None:
        # The binding reaches svc_payments as an event.
        answer = resident.call("POST", "/payments/v1/bill-inquiries", json=account)
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer

    inquiry = stage.narrator.answered(
        "the bill is here", stage.narrator.wait_for("the company is queried", inquire), 200
    )
    (bill,) = inquiry["bills"]
    amount_fen = bill["outstanding_fen"]
    stage.narrator.tell(
        f"{bill['bill_number']}: {in_digits(bill['amount_fen'])}, late fee {in_digits(bill['late_fee_fen'])}"
    )
    new = {"bill_ids": [bill["bill_id"]], "channel": "sandbox", "expected_amount_fen": amount_fen}
    created = resident.call("POST", "/payments/v1/payments", json=new)
    payment_id = stage.narrator.answered("it is payable at once", created, 201)["payment_id"]
    pay_and_complete(stage, resident, payment_id)
    booked = stage.power.books()["newest"][0]
    stage.narrator.check(
        "the company booked it",
        (booked["bill_number"], booked["amount_fen"])
        == (
            bill["bill_number"],
            amount_fen,
        ),
    )
    again = resident.call("POST", "/payments/v1/bill-inquiries", json=account)
    stage.narrator.answered("queried again, nothing is due", again, 409, "nothing_due")


def _top_up(stage: Stage, resident: Person, account: dict[str, Any]) -> None:
    def buy(amount_fen: int, path: str = "top-ups", **more: str) -> httpx.Response:
        return resident.call("POST", f"/payments/v1/{path}", json={**account, "amount_fen": amount_fen, **more})

    stage.narrator.answered("an amount that is not on sale", buy(5_001, "top-up-validations"), 422, "not_purchasable")
    stage.narrator.answered("one above the limit", buy(20_000, "top-up-validations"), 422, "above_purchasable")
    stage.narrator.answered("the company allows ¥50.00", buy(5_000, "top-up-validations"), 200)
    payment_id = stage.narrator.answered("which are bought", buy(5_000, channel="sandbox"), 201)["payment_id"]
    pay_and_complete(stage, resident, payment_id)
    payment = resident.call("GET", f"/payments/v1/payments/{payment_id}").json()
    prepaid = payment["bills"][0]["prepaid"]
    stage.narrator.check("the payer has a token for the meter, of 20 digits", len(prepaid["token"]), 20)
    issued = stage.power.books()["newest"][0]["prepaid"]
    stage.narrator.check("the one that the company issued", prepaid["token"] == issued["token"])
