"""An account with bills and agreed terms, and a resident who pays on it."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from svc_payments.billing.bills.models import Bill, BillKind
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, save
from tests.svc_payments.billing.terms.agreement import put_in_force, today

NUMBER = "1000000005"
LAST_YEAR = today() - timedelta(days=400)
DAILY_5 = {"daily_ten_thousandths": 5}
"""0.05 % a day."""


@dataclass
class Account:
    api: httpx.AsyncClient
    database: Database
    tokens: Tokens
    provider_id: UUID
    person: UUID = field(default_factory=new_id)

    async def bound(self, person_id: UUID | None = None) -> "Account":
        await save(self.database, a_binding(person_id or self.person, self.provider_id))
        return self

    async def terms(self, since: date = LAST_YEAR, **terms: Any) -> None:  # noqa: ANN401 - JSON
        await put_in_force(self.api, self.tokens, self.provider_id, terms, since=since)

    async def owes(self, amount_fen: int, *, days_late: int = 0, **columns: Any) -> UUID:  # noqa: ANN401 - of a bill
        due_date = today() - timedelta(days=days_late)
        bill = a_bill(self.provider_id, amount_fen=amount_fen, due_date=due_date, **columns)
        await save(self.database, bill)
        return bill.id

    async def post(self, path: str, person_id: UUID | None = None, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        headers = self.tokens.resident(person_id or self.person) | once()
        return await self.api.post(f"/payments/v1/{path}", json=body, headers=headers)

    async def pay(self, amount_fen: object, person_id: UUID | None = None, channel: str = "sandbox") -> httpx.Response:
        body: dict[str, Any] = {"amount_fen": amount_fen, "channel": channel, "account_number": NUMBER}
        return await self.post("payments", person_id, provider_id=f"{self.provider_id}", **body)

    async def pay_bills(self, *bill_ids: UUID, **more: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        return await self.post("payments", bill_ids=[f"{bill_id}" for bill_id in bill_ids], channel="sandbox", **more)

    async def quote(self, **more: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        account: dict[str, Any] = {"provider_id": f"{self.provider_id}", "account_number": NUMBER}
        return await self.post("payment-quotes", **account, **more)

    async def bill(self, bill_id: UUID) -> dict[str, Any]:
        answer = await self.api.get(f"/payments/v1/bills/{bill_id}", headers=self.tokens.resident(self.person))
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def made(self, kind: BillKind = BillKind.ADVANCE) -> list[Bill]:
        """The bills created by the platform, oldest first."""
        async with self.database.read() as tx:
            return list(await tx.scalars(select(Bill).where(Bill.kind == kind).order_by(Bill.id)))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def lines(answer: httpx.Response) -> dict[str, tuple[int, int]]:
    """Amount and late fee of each bill in a new payment."""
    assert answer.status_code == 201, answer.text
    return {line["bill_id"]: (line["amount_fen"], line["late_fee_fen"]) for line in answer.json()["bills"]}
