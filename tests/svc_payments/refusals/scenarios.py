"""Scenarios shared by the tests of refusals."""

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import func, select, text

from svc_payments.ledger.models import Entry
from tests.svc_payments.world import World

PAYMENTS = "/payments/v1/payments"


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def entry_count(world: World) -> int:
    """Number of ledger entries; it shows whether an effect happened more than once."""
    async with world.database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(Entry)) or 0


async def row_count(world: World, table: str) -> int:
    async with world.database.read() as tx:
        return int(await tx.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - table names are literals in these tests


async def paid_without_notice(world: World, person: UUID, *bills: UUID) -> tuple[str, dict[str, Any]]:
    """A payment that the channel has collected but not reported, and the notice it would send."""
    payment_id = await world.confirmed(person, *bills)
    await world.faults(drop_notices=1_000)
    return payment_id, world.notice_of(await world.pay(payment_id))


async def completed(world: World, person: UUID, amount_fen: int = 4140) -> tuple[str, UUID]:
    """A payment booked by its provider, and its bill."""
    bill = await world.bill(person, amount_fen)
    payment_id = await world.captured(person, bill)
    await world.deliver_postings()
    assert await world.status(person, payment_id) == "completed"
    return payment_id, bill
