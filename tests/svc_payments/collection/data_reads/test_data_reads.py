"""Whenever staff looks at what belongs to a resident, the resident's person is told, with a reference and no name."""

from typing import Any
from uuid import UUID

from chassis.db import new_id
from chassis.testing import emitted
from contracts.reference_provider.roster import account_number
from tests.svc_payments.tills.conftest import counter
from tests.svc_payments.tills.counter import Counter
from tests.svc_payments.world import SEED, World

__all__ = ["counter"]

READ = "cn.ili.payments.personal_data.read.v1"


async def told(world: World, person: UUID) -> list[dict[str, Any]]:
    async with world.database.read() as tx:
        return [each.data for each in await emitted(tx) if each.type == READ and each.key == str(person)]


async def test_opening_and_finding_a_payment_is_told_to_its_payer(world: World) -> None:
    person, organisation_id = new_id(), new_id()
    payment = await world.captured(person, await world.bill(person))
    staff = world.tokens.staff("auditor", organisation_id=organisation_id)
    opened = await world.api.get(f"/payments/v1/payment-records/{payment}", headers=staff)
    assert opened.status_code == 200, opened.text
    found = await world.api.get("/payments/v1/search", params={"number": payment}, headers=staff)
    assert found.status_code == 200
    said = await told(world, person)
    assert [(each["action"], each["role"], each["organisation_id"]) for each in said] == [
        ("look_at_payment", "auditor", str(organisation_id)),
        ("find_payment", "auditor", str(organisation_id)),
    ]
    record = await world.api.get(f"/payments/v1/audit-records/{said[0]['audit_record_id']}", headers=staff)
    assert (record.json()["action"], record.json()["subject"]) == ("look_at_payment", payment)


async def test_opening_a_bill_is_told_to_everybody_bound_to_its_account(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    opened = await world.api.get(f"/payments/v1/bill-records/{bill}", headers=world.tokens.staff("operator"))
    assert opened.status_code == 200, opened.text
    assert [(each["action"], each["data"]) for each in await told(world, person)] == [("look_at_bill", ["bills"])]


async def test_the_payer_is_not_told_of_looks_of_their_own_or_of_others(world: World) -> None:
    person, other = new_id(), new_id()
    payment = await world.captured(person, await world.bill(person))
    await world.captured(other)
    await world.get(person, payment)
    await world.api.get(f"/payments/v1/payment-records/{payment}", headers=world.tokens.staff("operator"))
    assert (len(await told(world, person)), await told(world, other)) == (1, [])


async def test_no_audit_record_of_another_id_is_shown(world: World) -> None:
    answer = await world.api.get(f"/payments/v1/audit-records/{new_id()}", headers=world.tokens.staff("auditor"))
    assert answer.status_code == 404
    answer = await world.api.get(f"/payments/v1/audit-records/{new_id()}", headers=world.tokens.resident())
    assert answer.status_code == 403


async def test_a_clerk_who_looks_bills_up_is_told_too(world: World, counter: Counter) -> None:
    person = new_id()
    await world.bill(person)
    clerk = counter.staff("clerk")
    account = {"provider_id": str(world.provider_id), "account_number": account_number(SEED, 0)}
    await counter.get(clerk, f"{await counter.opened(clerk)}/bills", **account)
    assert [(each["action"], each["role"]) for each in await told(world, person)] == [("look_up_bills", "clerk")]
