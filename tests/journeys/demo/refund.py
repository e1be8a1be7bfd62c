"""The act of a refund: the payer requests it, two operators approve it, and the company reverses its booking first."""

from typing import Any

from tests.journeys.demo.app import Person
from tests.journeys.demo.stage import Stage


def refund_payment(stage: Stage, resident: Person, third: Person, payment_id: str, bill_id: str) -> None:
    stage.narrator.act("9  The company has read the meter wrongly: two operators approve a refund, and all books agree")
    body = {"payment_id": payment_id, "reason": "overcharged", "note": "抄表有误，已与单位核对"}
    booked = stage.water.books()["booked"]
    requested = stage.narrator.answered(
        "the payer requests a refund", resident.call("POST", "/payments/v1/refunds", json=body), 201
    )
    refund_id = requested["items"][0]["refund_id"]
    _approve_by_two(stage, third, refund_id)

    def look() -> dict[str, Any] | None:
        refund: dict[str, Any] = resident.call("GET", f"/payments/v1/refunds/{refund_id}").json()
        return refund if refund["status"] == "refunded" else None

    refund = stage.narrator.wait_for("the company reverses its booking, the channel refunds the payer", look)
    stage.narrator.check("every fen of it", refund["amount_fen"], requested["items"][0]["amount_fen"])
    stage.narrator.check("the company has one booking less", stage.water.books()["booked"], booked - 1)
    bill = resident.call("GET", f"/payments/v1/bills/{bill_id}").json()
    stage.narrator.check("the bill is due again", bill["status"], "due")
    payment = resident.call("GET", f"/payments/v1/payments/{payment_id}").json()
    stage.narrator.check("the payment is refunded", payment["status"], "refunded")
    _check_search(stage, refund["number"], payment_id)


def _approve_by_two(stage: Stage, third: Person, refund_id: str) -> None:
    path = f"/payments/v1/refunds/{refund_id}/approve"
    first = stage.narrator.answered("an operator approves", stage.operator.call("POST", path), 200)
    stage.narrator.check("which at this amount is a proposal", first["status"], "proposed")
    again = stage.operator.call("POST", path)
    stage.narrator.answered("and cannot approve twice", again, 403, "second_person_needed")
    made = third.call("POST", path)
    stage.narrator.answered("nor can an operator whom this one has proposed", made, 403, "approver_not_independent")
    second = stage.second_operator.call("POST", path)
    approved = stage.narrator.answered("another operator approves", second, 200)
    stage.narrator.check("the company is asked to reverse its booking", approved["status"], "unbooking")


def _check_search(stage: Stage, refund_number: str, payment_id: str) -> None:
    found = stage.operator.call("GET", "/payments/v1/search", params={"number": refund_number})
    hits = stage.narrator.answered("the refund is found by its number", found, 200)
    stage.narrator.check("and leads to the payment", payment_id in str(hits))
    balance = stage.operator.call("GET", "/payments/v1/ledger/trial-balance").json()
    stage.narrator.check("debits equal credits", balance["debit_fen"] - balance["credit_fen"], 0)
