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
from svc_payments.documents.receipts.models import ReceiptCode
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

    async def pay_cash(
        self,
        clerk: Headers,
        session: str,
        bill_id: UUID,
        tendered_fen: int = 10_000,
        **changes: Any,  # noqa: ANN401 - JSON
    ) -> Answer:
        tender = {"channel": "cash", "tendered_fen": tendered_fen}
        return await self.post(clerk, f"{session}/payments", self.payment_request(bill_id, tender, **changes))

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

    async def booked_and_refunded(self, payment_id: str, **part: object) -> dict[str, Any]:
        """A refund of a booked payment, ready for payout at the counter."""
        while await self.world.deliver_postings():
            pass
        body = {"reason": "overcharged", "note": "抄表有误，已与单位核对", **part}
        operator = self.world.tokens.staff("operator") | once()
        answer = await self.world.api.post(f"/payments/v1/payments/{payment_id}/refunds", json=body, headers=operator)
        assert answer.status_code == 201, answer.text
        (refund,) = answer.json()["items"]
        if refund["status"] == "proposed":
            second = self.world.tokens.staff("operator") | once()
            path = f"/payments/v1/refunds/{refund['refund_id']}/approve"
            assert (await self.world.api.post(path, headers=second)).status_code == 200
        await self.world.deliver_postings()
        return dict(refund)

    async def receipt_code(self, clerk: Headers, session: str, payment_id: str) -> str:
        """Print the receipt for the payer; returns the code on it."""
        printed = await self.get(clerk, f"{session}/payments/{payment_id}/receipt.pdf")
        assert printed.status_code == 200, printed.text
        async with self.world.database.read() as tx:
            query = select(ReceiptCode.code).where(ReceiptCode.payment_id == UUID(payment_id))
            return (await tx.scalars(query)).one()

    async def issue_code(self, person_id: UUID, refund_id: str) -> Answer:
        headers = self.world.tokens.resident(person_id) | once()
        return await self.world.api.post(f"/payments/v1/refunds/{refund_id}/payout-code", headers=headers)

    async def payout_code(self, person_id: UUID, refund_id: str) -> str:
        """The code that the payer's app shows."""
        answer = await self.issue_code(person_id, refund_id)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])

    async def approve_payout(self, session: str, number: str, supervisor: Headers | None = None) -> Answer:
        path = f"{session}/refunds/{number}/approve-payout"
        return await self.post(supervisor or self.staff("till_supervisor"), path, {"reason": "已核对身份证和收据"})

    async def pay_out(self, clerk: Headers, session: str, number: str, **proof: str) -> Answer:
        return await self.post(clerk, f"{session}/refunds/{number}/pay-out", proof)
