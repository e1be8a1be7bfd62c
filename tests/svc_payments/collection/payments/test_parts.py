"""Parts, late fees and advances from the payment to the provider's books."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from chassis.db import new_id
from chassis.testing import once, until
from contracts.reference_provider.roster import account_number
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.postings.delivery import Delivery
from tests.svc_payments.billing.terms.agreement import put_in_force, today
from tests.svc_payments.world import SEED, World, run_in_background

TERMS = {
    "late_fee": {"daily_ten_thousandths": 5},
    "partial_payment": {"least_fen": 100},
    "advance_payment": {"most_fen": 10_000},
}


async def paid_on_account(world: World, person: UUID, amount_fen: int) -> str:
    """Pay an amount on the account until it is captured, and return the payment's id."""
    body = {"provider_id": f"{world.provider_id}", "account_number": account_number(SEED, 0), "amount_fen": amount_fen}
    headers = world.tokens.resident(person) | once()
    created = await world.api.post("/payments/v1/payments", json={**body, "channel": "sandbox"}, headers=headers)
    assert created.status_code == 201, created.text
    payment_id = str(created.json()["payment_id"])
    assert (await world.confirm(person, payment_id)).status_code == 200
    assert (await world.notify(world.notice_of(await world.pay(payment_id)))).status_code == 204
    return payment_id


async def all_completed(world: World, person: UUID, *payment_ids: str) -> None:
    async def are_completed() -> bool:
        return {await world.status(person, payment_id) for payment_id in payment_ids} == {"completed"}

    async with run_in_background(Delivery(world.database, world.settings).run):
        await until(are_completed)


async def late_bill(world: World, person: UUID, amount_fen: int, days: int = 10) -> UUID:
    """A bill that was due this many days ago."""
    bill_id = await world.bill(person, amount_fen)
    async with world.database.transaction() as tx:
        bill = (await tx.scalars(select(Bill).where(Bill.id == bill_id))).one()
        bill.due_date = today() - timedelta(days=days)
    return bill_id


async def shown_bill(world: World, person: UUID, bill_id: UUID) -> dict[str, Any]:
    answer = await world.api.get(f"/payments/v1/bills/{bill_id}", headers=world.tokens.resident(person))
    shown: dict[str, Any] = answer.json()
    return {name: shown[name] for name in ("status", "late_fee_fen", "paid_fen", "outstanding_fen")}


async def test_a_bill_is_paid_in_two_parts_and_the_rest_goes_ahead(world: World) -> None:
    person = new_id()
    await put_in_force(world.api, world.tokens, world.provider_id, TERMS, since=today() - timedelta(days=30))
    bill_id = await late_bill(world, person, 10_000)
    first = await paid_on_account(world, person, 4_020)
    half = {"status": "due", "late_fee_fen": 20 + 30, "paid_fen": 4_020, "outstanding_fen": 6_030}
    assert await shown_bill(world, person, bill_id) == half
    second = await paid_on_account(world, person, 6_030 + 500)
    await all_completed(world, person, first, second)
    whole = {"status": "posted", "late_fee_fen": 50, "paid_fen": 10_050, "outstanding_fen": 0}
    assert await shown_bill(world, person, bill_id) == whole
    booked = [(row["kind"], row["amount_fen"], row["late_fee_fen"]) for row in world.company.booked()]
    assert booked == [("regular", 4_020, 20), ("regular", 6_030, 30), ("advance", 500, 0)]
    assert (await world.trial_balance())["balance_fen"] == 0


async def test_the_oldest_bill_comes_first_from_the_choice_to_the_books(world: World) -> None:
    person = new_id()
    await put_in_force(world.api, world.tokens, world.provider_id, {**TERMS, "oldest_first": True})
    young = await late_bill(world, person, 5_000)
    old = await late_bill(world, person, 3_000, days=20)
    refused = await world.create(person, young)
    assert (refused.status_code, refused.json()["code"]) == (409, "older_bill_first")
    assert refused.json()["bill_ids"] == [str(old)]
    payment_id = await paid_on_account(world, person, 4_000)
    await all_completed(world, person, payment_id)
    booked = sorted((row["bill_amount_fen"], row["amount_fen"]) for row in world.company.booked())
    assert booked == [(3_000, 3_000), (5_000, 1_000)]
    assert (await shown_bill(world, person, old))["status"] == "posted"
    assert (await shown_bill(world, person, young))["outstanding_fen"] == 4_000
