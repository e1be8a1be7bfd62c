"""When a person closes their account, payments stay as accounting documents and the rest is erased."""

from uuid import UUID

from sqlalchemy import text

from chassis.db import new_id, now
from chassis.inbox import Received
from svc_payments.collection.closures.consumers import HANDLERS
from tests.svc_payments.world import World


async def close(world: World, person: UUID) -> None:
    (handler,) = HANDLERS
    event = Received(new_id(), handler.event_type, now(), handler.data.model_validate({"person_id": person}))
    async with world.database.transaction() as tx:
        await handler.handle(tx, event)


async def count(world: World, table: str, person: UUID, more: str = "true") -> int:
    async with world.database.read() as tx:
        counted = text(f"SELECT count(*) FROM {table} WHERE person_id = :id AND {more}")  # noqa: S608 - our names
        return int(await tx.scalar(counted, {"id": person}) or 0)


async def remind(world: World, bill: UUID, person: UUID) -> None:
    reminder = (
        "INSERT INTO reminders (bill_id, person_id, kind, stage, day) VALUES (:bill, :person, 'due_soon', 0, now())"
    )
    muted = "INSERT INTO muted_reminders (binding_id, kind) SELECT binding_id, 'overdue' FROM account_bindings"
    async with world.database.transaction() as tx:
        await tx.execute(text(reminder), {"bill": bill, "person": person})
        await tx.execute(text(f"{muted} WHERE person_id = :person"), {"person": person})


async def test_payments_are_kept_and_the_rest_is_erased(world: World) -> None:
    person, other = new_id(), new_id()
    bill = await world.bill(person)
    await world.captured(person, bill)
    theirs = await world.bill(other, account=1)
    for reminded, of in ((bill, person), (theirs, other)):
        await remind(world, reminded, of)
    for _ in range(2):  # the event comes twice
        await close(world, person)
    assert await count(world, "payments", person) == 1
    assert await count(world, "reminders", person) == 0
    assert await count(world, "account_bindings", person, "account_number = '' AND ended_at IS NOT NULL") == 1
    assert await count(world, "reminders", other) == 1
    assert await count(world, "account_bindings", other, "account_number <> '' AND ended_at IS NULL") == 1
    async with world.database.read() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM muted_reminders")) == 1


async def test_their_bills_are_seen_by_nobody_of_that_id_any_more(world: World) -> None:
    person = new_id()
    await world.bill(person)
    await close(world, person)
    bills = await world.api.get("/payments/v1/bills", headers=world.tokens.resident(person))
    assert bills.json()["items"] == []
