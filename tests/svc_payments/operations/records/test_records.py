"""Payment and bill records for staff; every read is audited."""

from chassis.db import new_id
from tests.svc_payments.collection.refunds.steps import refused, step
from tests.svc_payments.world import World

RECORDS = "/payments/v1/payment-records"


async def test_a_payment_record_has_its_order_postings_refunds_and_incidents(world: World) -> None:
    person, payment_id, _bill = await refused(world)
    await step(world)
    answer = await world.api.get(f"{RECORDS}/{payment_id}", headers=world.tokens.staff("operator"))
    assert answer.status_code == 200, answer.text
    record = answer.json()
    assert (record["person_id"], record["status"], record["deadline"]) == (str(person), "refunded", None)
    assert record["order"]["order_number"] == await world.order_number(payment_id)
    assert [posting["status"] for posting in record["postings"]] == ["refused"]
    assert [(refund["status"], refund["amount_fen"]) for refund in record["refunds"]] == [("refunded", 4140)]
    assert [incident["kind"] for incident in record["incidents"]] == ["posting_refused"]
    movements = [(movement["kind"], movement["amount_fen"]) for movement in record["movements"]]
    assert movements == [("payment_captured", 4140), ("refund_started", 4140), ("refund_paid", 4140)]
    assert record["cases"] == []


async def test_an_open_payment_shows_its_deadline(world: World) -> None:
    payment_id = await world.confirmed(new_id())
    record = (await world.api.get(f"{RECORDS}/{payment_id}", headers=world.tokens.staff("auditor"))).json()
    assert (record["status"], record["deadline"] > record["expires_at"]) == ("pending", True)
    assert record["order"]["ask_at"]


async def test_every_read_is_audited(world: World) -> None:
    payment_id = await world.created(new_id())
    await world.api.get(f"{RECORDS}/{payment_id}", headers=world.tokens.staff("operator"))
    trail = await world.api.get(
        "/payments/v1/audit-records", params={"subject": payment_id}, headers=world.tokens.staff("auditor")
    )
    assert [record["action"] for record in trail.json()["items"]] == ["look_at_payment"]


async def test_only_staff_read_records(world: World) -> None:
    person = new_id()
    payment_id = await world.created(person)
    for headers in (world.tokens.resident(person), world.tokens.client(new_id(), "bills:write")):
        assert (await world.api.get(f"{RECORDS}/{payment_id}", headers=headers)).status_code == 403
    nowhere = await world.api.get(f"{RECORDS}/{new_id()}", headers=world.tokens.staff("operator"))
    assert nowhere.status_code == 404


async def test_a_bill_record_lists_expired_payments_too(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    cancelled = await world.created(person, bill)
    await world.act(person, cancelled, "cancel")
    paid = await world.captured(person, bill)
    answer = await world.api.get(f"/payments/v1/bill-records/{bill}", headers=world.tokens.staff("operator"))
    assert answer.status_code == 200, answer.text
    record = answer.json()
    assert record["bill"]["status"] == "paid"
    found = [(payment["payment_id"], payment["status"]) for payment in record["payments"]]
    assert found == [(paid, "captured"), (cancelled, "expired")]
    trail = await world.api.get(
        "/payments/v1/audit-records", params={"subject": str(bill)}, headers=world.tokens.staff("auditor")
    )
    assert [each["action"] for each in trail.json()["items"]] == ["look_at_bill"]
