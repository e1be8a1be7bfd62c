"""Steps shared by the tests of refunds."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from chassis.db import new_id, now
from svc_payments.collection.refunds.models import Refund
from tests.svc_payments.world import World

NOBODYS_ACCOUNT = 500
"""The company has only 200 accounts and refuses to book on this one."""


async def refunds(world: World) -> list[Refund]:
    async with world.database.read() as tx:
        return list(await tx.scalars(select(Refund).order_by(Refund.id)))


async def statuses(world: World) -> list[str]:
    return [refund.status for refund in await refunds(world)]


async def refund_trail(world: World, refund_id: UUID) -> list[str]:
    """The events of a refund in order: started, refunded, ..."""
    return [event.type.split(".")[-2] for event in await world.events() if event.key == str(refund_id)]


async def make_due(world: World) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(update(Refund).where(Refund.ask_at.is_not(None)).values(ask_at=now()))


async def step(world: World, **settings: Any) -> int:  # noqa: ANN401 - fields of Settings
    """Process every open refund once, due or not."""
    await make_due(world)
    async with world.refunds(**settings) as worker:
        return await worker.ask_due()


async def refused(world: World, amount_fen: int = 4140) -> tuple[UUID, str, UUID]:
    """A person, a payment whose posting the provider has refused, and its bill."""
    person = new_id()
    bill = await world.bill(person, amount_fen, account=NOBODYS_ACCOUNT)
    payment_id = await world.captured(person, bill)
    await world.deliver_postings()
    return person, payment_id, bill


async def balances(world: World) -> dict[str, int]:
    """Ledger balance of each kind of account, without zero balances."""
    sums: dict[str, int] = {}
    for account in (await world.trial_balance())["accounts"]:
        sums[account["kind"]] = sums.get(account["kind"], 0) + account["balance_fen"]
    return {kind: fen for kind, fen in sums.items() if fen}
