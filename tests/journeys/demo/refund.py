"""The act of money that goes back: asked for by its payer, decided by two, taken out of the company's books first."""

from typing import Any

from tests.journeys.demo.app import Person
from tests.journeys.demo.people import member
from tests.journeys.demo.stage import Stage


def money_goes_back(stage: Stage, resident: Person, payment_id: str, bill_id: str) -> None:
    stage.narrator.act("9  The company has read the meter wrongly: the money goes back, decided by two, and all agrees")
    wanted = {"payment_id": payment_id, "reason": "overcharged", "note": "抄表有误，已与单位核对"}
    booked = stage.water.books()["booked"]
    asked = stage.narrator.answered("the payer asks", resident.call("POST", "/payments/v1/refunds", json=wanted), 201)
    refund_id = asked["items"][0]["refund_id"]
    _decided_by_two(stage, refund_id)

    def look() -> dict[str, Any] | None:
        refund: dict[str, Any] = resident.call("GET", f"/payments/v1/refunds/{refund_id}").json()
        return refund if refund["status"] == "refunded" else None

    refund = stage.narrator.wait_for("the company takes its booking back, the channel the money to the payer", look)
    stage.narrator.check("every fen of it", refund["amount_fen"], asked["items"][0]["amount_fen"])
    stage.narrator.check("the company has one booking less", stage.water.books()["booked"], booked - 1)
    bill = resident.call("GET", f"/payments/v1/bills/{bill_id}").json()
    stage.narrator.check("the bill is there to be put right and paid", bill["status"], "due")
    payment = resident.call("GET", f"/payments/v1/payments/{payment_id}").json()
    stage.narrator.check("the payment says what became of it", payment["status"], "refunded")
    _explained(stage, refund["number"], payment_id)


def _decided_by_two(stage: Stage, refund_id: str) -> None:
    path = f"/payments/v1/refunds/{refund_id}/approve"
    first = stage.narrator.answered("an operator agrees", stage.operator.call("POST", path), 200)
    stage.narrator.check("which for so much is a proposal", first["status"], "proposed")
    again = stage.operator.call("POST", path)
    stage.narrator.answered("and cannot agree twice", again, 403, "second_person_needed")
    second = member(stage, "platform", "operator", "Sample Third Office")
    agreed = stage.narrator.answered("a second operator agrees", second.call("POST", path), 200)
    stage.narrator.check("the company is asked to take its booking back", agreed["status"], "unbooking")
    second.close()


def _explained(stage: Stage, refund_number: str, payment_id: str) -> None:
    found = stage.operator.call("GET", "/payments/v1/search", params={"number": refund_number})
    hits = stage.narrator.answered("the refund is found by its number", found, 200)
    stage.narrator.check("and leads to the payment", payment_id in str(hits))
    balance = stage.operator.call("GET", "/payments/v1/ledger/trial-balance").json()
    stage.narrator.check("debits equal credits", balance["debit_fen"] - balance["credit_fen"], 0)
