"""A resident who sends bill inquiries for an account."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select, update

from chassis.db import Database, new_id, now
from chassis.testing import Emitted, Tokens, emitted
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.inquiries.models import BillInquiry
from svc_payments.parties.accounts.models import AccountBinding
from tests.svc_payments.billing.terms.agreement import put_in_force, today
from tests.svc_payments.scripted import NUMBER

LAST_YEAR = today() - timedelta(days=400)


@dataclass
class Desk:
    api: httpx.AsyncClient
    database: Database
    tokens: Tokens
    provider_id: UUID
    account_number: str = NUMBER
    person: UUID = field(default_factory=new_id)

    async def open(self, *, since: date = LAST_YEAR, **terms: Any) -> "Desk":  # noqa: ANN401 - JSON
        """Bind the resident, and put terms with bills by inquiry into force."""
        await self.bind(self.person)
        await put_in_force(self.api, self.tokens, self.provider_id, {"bill_sources": ["inquiry"], **terms}, since=since)
        return self

    async def bind(self, person_id: UUID, role: str = "owner") -> None:
        account = {"provider_id": self.provider_id, "account_number": self.account_number}
        binding = AccountBinding(binding_id=new_id(), person_id=person_id, role=role, bound_at=now(), **account)
        async with self.database.transaction() as tx:
            tx.add(binding)

    async def inquire(self, person_id: UUID | None = None, **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        body = {"provider_id": f"{self.provider_id}", "account_number": self.account_number, **changes}
        headers = self.tokens.resident(person_id or self.person)
        return await self.api.post("/payments/v1/bill-inquiries", json=body, headers=headers)

    async def bills(self, person_id: UUID | None = None) -> list[dict[str, Any]]:
        """The bills of an inquiry as the resident sees them."""
        answer = await self.inquire(person_id)
        assert answer.status_code == 200, answer.text
        bills: list[dict[str, Any]] = answer.json()["bills"]
        return bills

    async def inquire_later(self, person_id: UUID | None = None) -> httpx.Response:
        """Inquire when the last answer is no longer cached."""
        async with self.database.transaction() as tx:
            await tx.execute(update(BillInquiry).values(answered_at=now() - timedelta(hours=1)))
        return await self.inquire(person_id)

    async def stored_bills(self) -> list[Bill]:
        async with self.database.read() as tx:
            return list(await tx.scalars(select(Bill).order_by(Bill.id)))

    async def bill_events(self) -> list[Emitted]:
        async with self.database.read() as tx:
            return [event for event in await emitted(tx) if ".bill." in event.type]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
