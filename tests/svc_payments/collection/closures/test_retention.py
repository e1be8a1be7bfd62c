"""What no accounting document needs goes when its time is over; payments stay."""

import time
from datetime import timedelta
from uuid import UUID

import time_machine
from sqlalchemy import text

from chassis.db import new_id
from kit.evidence.retention import carry_out
from svc_payments.retention import RETENTION
from tests.svc_payments.collection.closures.test_closures import count, remind
from tests.svc_payments.world import World

YEARS_3 = timedelta(days=1095)


async def carry_out_after(world: World, days: float) -> None:
    with time_machine.travel(time.time() + timedelta(days=days).total_seconds()):
        await carry_out(world.database, RETENTION)


async def has_number(world: World, person: UUID) -> bool:
    return await count(world, "account_bindings", person, "account_number <> ''") == 1


async def test_reminders_go_after_400_days_and_numbers_three_years_after_their_end(world: World) -> None:
    person, other = new_id(), new_id()
    bill = await world.bill(person)
    await world.captured(person, bill)
    await world.bill(other, account=1)
    await remind(world, bill, person)
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE account_bindings SET ended_at = now() WHERE person_id = :id"), {"id": person})
    await carry_out_after(world, 399)
    assert await count(world, "reminders", person) == 1
    await carry_out_after(world, 401)
    assert await count(world, "reminders", person) == 0
    await carry_out_after(world, YEARS_3.days - 1)
    assert await has_number(world, person)
    await carry_out_after(world, YEARS_3.days + 1)
    assert not await has_number(world, person)
    assert await has_number(world, other)  # still bound
    assert await count(world, "payments", person) == 1


async def test_a_refund_that_is_under_way_keeps_the_number(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    await world.captured(person, bill)
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE account_bindings SET ended_at = now() WHERE person_id = :id"), {"id": person})
        await tx.execute(text("UPDATE payments SET refunding_fen = 1 WHERE person_id = :id"), {"id": person})
    await carry_out_after(world, YEARS_3.days + 1)
    assert await has_number(world, person)
