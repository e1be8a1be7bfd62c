"""Receipts: issued on capture, completed by the provider's booking."""

import re

from chassis.db import new_id
from chassis.http_client import outside_client
from svc_payments.collection.postings.delivery import Delivery
from tests.svc_payments.collection.refunds.steps import refunds, refused, step
from tests.svc_payments.documents.receipts.samples import text_of
from tests.svc_payments.world import World


async def test_the_receipt_shows_the_payment_and_the_providers_booking(world: World) -> None:
    person = new_id()
    bill = await world.bill(person, 4140)
    payment_id = await world.confirmed(person, bill)
    early = await world.get(person, payment_id, "/receipt")
    assert (early.status_code, early.json()["code"]) == (409, "receipt_not_issued")
    paid = await world.pay(payment_id)
    await world.notify(world.notice_of(paid))
    issued = (await world.get(person, payment_id, "/receipt")).json()
    assert (issued["amount_fen"], issued["bills"][0]["provider_reference"]) == (4140, None)
    assert issued["transaction_id"] == paid["transaction_id"]
    assert issued["provider_name"] == "Sample Water Company"
    async with outside_client() as client:
        await Delivery(world.database, world.settings).deliver_due(world.provider_id, client)
    booked = (await world.get(person, payment_id, "/receipt")).json()
    assert booked["receipt_number"] == issued["receipt_number"] == world.company.booked()[0]["receipt_number"]
    assert booked["bills"][0]["provider_reference"] == world.company.booked()[0]["provider_reference"]
    assert booked["completed_at"] is not None


async def test_receipt_numbers_are_of_the_day_and_all_different(world: World) -> None:
    numbers = set()
    for _ in range(3):
        person = new_id()
        receipt = (await world.get(person, await world.captured(person), "/receipt")).json()
        numbers.add(receipt["receipt_number"])
        assert re.fullmatch(r"20[0-9]{6}[0-9]{10}", receipt["receipt_number"])
    assert len(numbers) == 3


async def test_a_refund_is_on_the_receipt_and_on_its_print(world: World) -> None:
    person, payment_id, _ = await refused(world)
    printed_before = await world.get(person, payment_id, "/receipt.pdf")
    await step(world)
    (refund,) = await refunds(world)
    receipt = (await world.get(person, payment_id, "/receipt")).json()
    assert (receipt["standing"], receipt["refunded_fen"]) == ("refunded", 4140)
    assert [(each["number"], each["amount_fen"]) for each in receipt["refunds"]] == [(refund.number, 4140)]
    printed = await world.get(person, payment_id, "/receipt.pdf")
    assert printed.headers["etag"] != printed_before.headers["etag"]
    assert refund.number in text_of(printed.content).replace(" ", "")


async def test_a_combined_receipt_is_of_ones_own_paid_payments(world: World) -> None:
    person, stranger = new_id(), new_id()
    paid = [await world.captured(person, await world.bill(person)) for _ in range(2)]
    others = await world.captured(stranger, await world.bill(stranger, account=1))
    open_payment = await world.created(person, await world.bill(person))
    path, mine = "/payments/v1/combined-receipt.pdf", world.tokens.resident(person)
    printed = await world.api.get(path, params={"payment_id": paid}, headers=mine)
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    assert printed.content.startswith(b"%PDF-")
    again = await world.api.get(
        path, params={"payment_id": paid[::-1]}, headers=mine | {"If-None-Match": printed.headers["etag"]}
    )
    assert again.status_code == 304
    for wanted, status, code in (
        ([paid[0], others], 404, "not_found"),
        ([paid[0], str(new_id())], 404, "not_found"),
        ([paid[0], open_payment], 409, "receipt_not_issued"),
        ([paid[0]], 422, "invalid_request"),
        ([paid[0], paid[0]], 422, "invalid_request"),
        ([str(new_id()) for _ in range(25)], 422, "invalid_request"),
    ):
        refused = await world.api.get(path, params={"payment_id": wanted}, headers=mine)
        assert (refused.status_code, refused.json()["code"]) == (status, code), wanted
