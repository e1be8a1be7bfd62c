"""A resident with an auto-pay mandate, their wallet, and the worker that processes the mandate."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update

from chassis.db import CHINA, new_id, now
from chassis.testing import Emitted, once, until
from contracts.reference_provider.roster import account_number
from svc_payments.billing.bills.models import Bill
from svc_payments.channels.registry import open_channels
from svc_payments.collection.mandates.contracts import Contracts
from svc_payments.collection.mandates.models import Debit, Mandate
from svc_payments.collection.mandates.worker import Mandates
from svc_payments.collection.payments.orders import Orders
from svc_payments.parties.accounts.models import AccountBinding
from tests.svc_payments.world import SEED, World

Answer = httpx.Response
MANDATES = "/payments/v1/mandates"
ACCOUNT = account_number(SEED, 0)


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def today() -> date:
    return now().astimezone(CHINA).date()


@dataclass
class Giver:
    world: World
    person_id: UUID = field(default_factory=new_id)

    async def bind(self, role: str = "owner") -> UUID:
        binding = AccountBinding(
            binding_id=new_id(),
            person_id=self.person_id,
            provider_id=self.world.provider_id,
            account_number=ACCOUNT,
            role=role,
        )
        async with self.world.database.transaction() as tx:
            tx.add(binding)
        return binding.binding_id

    async def post(self, path: str, body: object = None, **headers: str) -> Answer:
        caller = self.world.tokens.resident(self.person_id)
        return await self.world.api.post(f"{MANDATES}{path}", json=body, headers=caller | once() | headers)

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.world.api.get(f"{MANDATES}{path}", headers=self.world.tokens.resident(self.person_id))
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def give(self, **changes: object) -> Answer:
        body = {
            "provider_id": str(self.world.provider_id),
            "account_number": ACCOUNT,
            "channel": "sandbox",
            "limit_fen": 10_000,
            "notice_days": 3,
            **changes,
        }
        return await self.post("", body)

    async def requested(self, **changes: object) -> str:
        """Request a mandate and return its path; it is not signed yet."""
        answer = await self.give(**changes)
        assert answer.status_code == 201, answer.text
        return f"/{answer.json()['mandate_id']}"

    async def active(self, **changes: object) -> str:
        """Sign a mandate as the owner of the account and return its path."""
        await self.bind()
        mandate = await self.requested(**changes)
        await self.sign(mandate)
        await until(lambda: self.is_now(mandate, "active"))
        return mandate

    async def sign(self, mandate: str) -> None:
        """Sign the contract as the resident's wallet does."""
        offered = await self.post(f"{mandate}/sign")
        assert offered.status_code == 200, offered.text
        signed = await self.world.channel.post(offered.json()["sign_url"], json={"account": "wallet-1"})
        assert signed.status_code == 200, signed.text

    async def is_now(self, mandate: str, status: str) -> bool:
        return bool((await self.get(mandate))["status"] == status)

    async def status(self, mandate: str) -> str:
        return str((await self.get(mandate))["status"])

    async def bill(self, amount_fen: int = 4140, *, days: int = 2) -> UUID:
        """Save a bill on the account that is due in this many days."""
        bill = Bill(
            id=new_id(),
            provider_id=self.world.provider_id,
            bill_number=f"M-{new_id().hex[:12]}",
            account_number=ACCOUNT,
            period=today().replace(day=1),
            usage=12,
            amount_fen=amount_fen,
            due_date=today() + timedelta(days=days),
            bill_file_id=new_id(),
        )
        async with self.world.database.transaction() as tx:
            tx.add(bill)
        return bill.id

    async def debits(self, mandate: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.get(f"{mandate}/debits"))["items"]
        return items

    async def debit(self, mandate: str) -> dict[str, Any]:
        (only,) = await self.debits(mandate)
        return only

    async def find_bills(self, mandates: Mandates) -> None:
        """Make the mandate due to look for bills, and run the worker."""
        async with self.world.database.transaction() as tx:
            await tx.execute(update(Mandate).values(look_at=now()))
        await mandates.work_due()

    async def day_comes(self) -> None:
        """Make every announced deduction due."""
        async with self.world.database.transaction() as tx:
            await tx.execute(update(Debit).values(try_at=now()))

    async def announced(self, mandates: Mandates, mandate: str) -> dict[str, Any]:
        await self.find_bills(mandates)
        debit = await self.debit(mandate)
        assert debit["status"] == "announced"
        return debit

    async def events(self, mandate: str) -> list[str]:
        """The events of a mandate in order."""
        return await self.world.trail(mandate[1:])

    async def last_event(self, mandate: str) -> Emitted:
        return [event for event in await self.world.events() if event.key == mandate[1:]][-1]


@contextlib.asynccontextmanager
async def working_on(world: World, **changes: Any) -> AsyncIterator[Mandates]:  # noqa: ANN401 - fields of Settings
    """The mandate worker, run step by step."""
    settings = world.settings.model_copy(update=changes)
    async with open_channels(settings) as channels:
        orders = Orders(world.database, channels, settings)
        yield Mandates(Contracts.of(world.database, channels, settings), orders)
