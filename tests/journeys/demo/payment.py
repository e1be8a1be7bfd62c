"""The payment of an order at the channel's cashier, until the company has booked it and nobody else can."""

from typing import Any

import httpx

from tests.journeys.demo.app import Person
from tests.journeys.demo.stage import Stage, pay_at_cashier


def pay_and_complete(stage: Stage, resident: Person, payment_id: str) -> tuple[str, dict[str, Any]]:
    """Confirm a payment, pay it and wait until it is completed; return the pay URL and the receipt."""
    path = f"/payments/v1/payments/{payment_id}"
    confirmed = resident.call("POST", f"{path}/confirm")
    pay_url = str(stage.narrator.answered("the channel has the order", confirmed, 200)["pay_url"])
    stage.narrator.check("the wallet pays at the channel's cashier", pay_at_cashier(stage.platform, pay_url).is_success)

    def look() -> dict[str, Any] | None:
        payment: dict[str, Any] = resident.call("GET", path).json()
        return payment if payment["status"] == "completed" else None

    stage.narrator.wait_for("notice, capture, posting: the payment is completed", look)
    answer = resident.call("GET", f"{path}/receipt")
    receipt: dict[str, Any] = stage.narrator.answered("the resident has a receipt", answer, 200)
    stage.narrator.tell(f"receipt {receipt['receipt_number']}, channel transaction {receipt['transaction_id']}")
    return pay_url, receipt


def forward_posting(stage: Stage) -> None:
    """Send the signed posting of the water company on, unchanged."""
    posting, before = stage.water.relay.postings[-1], stage.heating.books()
    for company, claim, code in (
        (stage.heating, "the posting, sent on to the heating company, is refused there", "other_recipient"),
        (stage.water, "and by its own company a second time", "nonce_replayed"),
    ):
        url = f"{company.endpoint_url}/postings"
        answer = httpx.post(url, headers=posting.headers, content=posting.body)
        stage.narrator.answered(claim, answer, 401, code)
    stage.narrator.check("the heating company has booked nothing of it", stage.heating.books() == before)
