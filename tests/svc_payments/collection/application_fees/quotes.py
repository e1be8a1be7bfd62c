"""What svc_services says about the fees of applications, and what a fee has come to."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from chassis.db import new_id
from svc_payments.collection.application_fees.consumers import HANDLERS
from svc_payments.collection.application_fees.service import return_due
from svc_payments.collection.refunds.models import Refund
from svc_payments.ledger.derivations import CHECKS
from svc_payments.ledger.spans import allow_whole_reads
from tests.svc_payments.collection.refunds.steps import step
from tests.svc_payments.parties.events import Event
from tests.svc_payments.world import World


@dataclass
class Quote:
    world: World
    payable_until: str | None = "2099-12-31"
    amount_fen: int = 120_000
    fee_id: UUID = field(default_factory=new_id)
    application_id: UUID = field(default_factory=new_id)
    person_id: UUID = field(default_factory=new_id)

    async def tell(self, what: str) -> None:
        """Hand over an event: quoted, withdrawn."""
        said: dict[str, Any] = {"payable_until": self.payable_until, "amount_fen": self.amount_fen}
        said |= {name: str(getattr(self, name)) for name in ("fee_id", "application_id", "person_id")}
        event = Event(f"application_fee.{what}", said | {"provider_id": str(self.world.provider_id)})
        async with self.world.database.transaction() as tx:
            await event.consume(tx, HANDLERS)

    async def told(self) -> list[tuple[str, int]]:
        """What svc_services has been told of it, in order, with the number of each event."""
        found = [each for each in await self.world.events() if each.key == str(self.fee_id)]
        return [(each.type.split(".")[-2], each.data["sequence"]) for each in found if "application_fee" in each.type]

    async def bill_status(self) -> str:
        return await self.world.bill_status(self.fee_id)

    async def booked(self) -> str:
        """Pay it and have the company book it; returns the payment's id."""
        payment_id = await self.world.captured(self.person_id, self.fee_id)
        await self.world.deliver_postings()
        return payment_id


async def quoted(world: World, **terms: Any) -> Quote:  # noqa: ANN401 - fields of Quote
    quote = Quote(world, **terms)
    await quote.tell("quoted")
    return quote


async def go_back(world: World) -> None:
    """Let the worker return what is to be returned: it asks the company to unbook, then the channel to refund."""
    await return_due(world.database)
    await world.deliver_postings()
    await step(world)
    await return_due(world.database)


async def refunds(world: World) -> list[tuple[str, str, int]]:
    async with world.database.read() as tx:
        found = await tx.scalars(select(Refund).order_by(Refund.id))
        return [(refund.reason, refund.status, refund.amount_fen) for refund in found]


async def broken_rules(world: World) -> list[str]:
    """What does not follow of bills, payments and postings from one another."""
    async with world.database.read() as tx:
        await allow_whole_reads(tx, allowed=True)
        return [str(row) for check in CHECKS for row in await tx.execute(text(check.rows))]
