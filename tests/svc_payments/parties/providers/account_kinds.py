"""A provider of each kind, with its declaration and the accounts that the reference provider makes of it."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chassis.db import Database, new_id
from contracts.reference_provider.numbering import NUMBERINGS
from contracts.reference_provider.roster import account_number
from svc_payments.billing.terms.stated import propose_stated
from svc_payments.parties.providers.consumers import handlers
from svc_payments.parties.providers.models import Provider
from tests.svc_payments.billing.bills.factories import a_binding, save
from tests.svc_payments.parties.events import Event
from tests.svc_payments.world import SEED, World

KINDS = ("water", "electricity", "telecom", "cable_tv")
CHECKED_KINDS = tuple(kind for kind in KINDS if NUMBERINGS[kind].check_rule != "none")


async def declare(
    database: Database,
    provider_id: UUID,
    kind: str,
    revision: int = 1,
    **changes: Any,  # noqa: ANN401 - JSON
) -> None:
    """Hear of the provider's declaration as svc_services tells of it."""
    parameters = NUMBERINGS[kind].customer_parameters | changes
    data = {
        "provider_id": f"{provider_id}",
        "revision": revision,
        "kind": kind,
        "name": "Sample Company",
        "endpoint_url": await _endpoint_of(database, provider_id),
        "ended_keys": [],
        "suspended_at": None,
        "customer_parameters": parameters | {"pattern": f"^{parameters['pattern']}$"},
    }
    async with database.transaction() as tx:
        await Event("provider.updated", data).consume(tx, handlers(propose_stated))


async def _endpoint_of(database: Database, provider_id: UUID) -> str:
    async with database.read() as tx:
        return (await tx.get_one(Provider, provider_id)).endpoint_url


@dataclass
class Customer:
    """A resident with an account of a company of this kind."""

    world: World
    kind: str
    person: UUID = field(default_factory=new_id)

    @property
    def number(self) -> str:
        return account_number(SEED, 3, self.kind)

    @property
    def typed(self) -> str:
        """The number in full-width digits, in groups of four as cards have it."""
        return in_full_width(self.number)

    @property
    def account(self) -> dict[str, Any]:
        return {"provider_id": f"{self.world.provider_id}", "account_number": self.typed}

    async def bound(self) -> "Customer":
        await save(self.world.database, a_binding(self.person, self.world.provider_id, self.number))
        return self


def in_full_width(number: str) -> str:
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in number)
    return " ".join(wide[at : at + 4] for at in range(0, len(wide), 4))


def mistyped(number: str) -> str:
    return number[:-1] + str((int(number[-1]) + 1) % 10)
