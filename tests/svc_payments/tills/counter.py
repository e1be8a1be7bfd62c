"""A service counter with its clerks and supervisor, driven over HTTP."""

import itertools
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from chassis.db import new_id
from chassis.testing import once
from contracts.reference_provider.roster import account_number
from svc_payments.ledger.models import Account
from svc_payments.oversight.audit.models import AuditRecord
from tests.svc_payments.world import SEED, World

Answer = httpx.Response
Headers = dict[str, str]
SESSIONS = "/payments/v1/till-sessions"


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


@dataclass
class Counter:
    world: World
    organisation_id: UUID = field(default_factory=new_id)
    traces: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def staff(self, role: str) -> Headers:
        """Headers of a new staff member of this counter."""
        return self.world.tokens.staff(role, organisation_id=self.organisation_id, division_code="654002")

    async def post(self, staff: Headers, path: str, body: object = None, **headers: str) -> Answer:
        return await self.world.api.post(f"{SESSIONS}{path}", json=body, headers=staff | once() | headers)

    async def get(self, staff: Headers, path: str, **params: Any) -> Answer:  # noqa: ANN401 - query parameters
        return await self.world.api.get(f"{SESSIONS}{path}", params=params, headers=staff)

    async def open(self, clerk: Headers, till: str = "T1", opening_float_fen: int = 50_000) -> Answer:
        body = {"organisation_id": str(self.organisation_id), "till_number": till}
        return await self.post(clerk, "", {**body, "opening_float_fen": opening_float_fen})

    async def opened(self, clerk: Headers, till: str = "T1") -> str:
        """Open a session for this clerk and return its path."""
        answer = await self.open(clerk, till)
        assert answer.status_code == 201, answer.text
        return f"/{answer.json()['till_session_id']}"

    def payment_request(self, bill_id: UUID, tender: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        body = {"provider_id": str(self.world.provider_id), "account_number": account_number(SEED, 0)}
        return {**body, "bill_ids": [str(bill_id)], "tender": tender, **changes}

    async def pay_cash(self, clerk: Headers, session: str, bill_id: UUID, tendered_fen: int = 10_000) -> Answer:
        tender = {"channel": "cash", "tendered_fen": tendered_fen}
        return await self.post(clerk, f"{session}/payments", self.payment_request(bill_id, tender))

    def slip(self, amount_fen: int = 4140, **changes: object) -> dict[str, Any]:
        """A slip as the card terminal prints it."""
        number = next(self.traces)
        return {
            "merchant_number": "898650112340001",
            "terminal_number": "12345678",
            "batch_number": "000017",
            "trace_number": f"{number:06}",
            "retrieval_number": f"{number:012}",
            "amount_fen": amount_fen,
            **changes,
        }

    async def pay_card(self, clerk: Headers, session: str, bill_id: UUID, slip: dict[str, Any] | None) -> Answer:
        tender = {"channel": "pos", "terminal": slip}
        return await self.post(clerk, f"{session}/payments", self.payment_request(bill_id, tender))

    async def count(self, clerk: Headers, session: str, fen: int) -> Answer:
        """Submit a drawer count of this total."""
        pieces = {}
        for denomination in (10_000, 100, 10, 1):
            pieces[str(denomination)], fen = divmod(fen, denomination)
        return await self.post(clerk, f"{session}/count", {"pieces": pieces})

    async def closed(self, clerk: Headers, session: str, fen: int) -> Answer:
        """Count the drawer, then close the session as the supervisor."""
        counted = await self.count(clerk, session, fen)
        assert counted.status_code == 200, counted.text
        return await self.post(self.staff("till_supervisor"), f"{session}/close")

    async def balance(self, kind: str, holder: str) -> int:
        """Debits minus credits of a ledger account."""
        async with self.world.database.read() as tx:
            found = select(Account.debit_fen - Account.credit_fen).where(Account.kind == kind, Account.holder == holder)
            return int(await tx.scalar(found) or 0)

    async def audit_actions(self, subject: str) -> list[str]:
        async with self.world.database.read() as tx:
            query = select(AuditRecord.action).where(AuditRecord.subject == subject).order_by(AuditRecord.id)
            return list(await tx.scalars(query))
