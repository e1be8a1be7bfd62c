"""The issuer of e-invoices: one small port, and the client of the HTTP interface that the sandbox speaks.

An issuer licensed by the tax authority is another class with the same three methods.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol
from uuid import UUID

import httpx
from pydantic import BaseModel, Field

from chassis.http_client import NoAnswer, NotReached
from kit.strict_json import answer_of
from svc_payments.parties.providers.signed_endpoint import SignedEndpoint


@dataclass(frozen=True)
class InvoiceOrder:
    """The request to the issuer; the same at every attempt."""

    number: str
    provider_id: UUID
    provider_name: str
    amount_fen: int
    title_kind: str
    title: str
    uscc: str | None
    email: str | None


@dataclass(frozen=True)
class Issued:
    invoice_number: str
    document_url: str


@dataclass(frozen=True)
class RedLettered:
    red_invoice_number: str


@dataclass(frozen=True)
class Refused:
    """The issuer will not do it, now or later."""

    reason: str


@dataclass(frozen=True)
class Absent:
    """The issuer does not know it."""


@dataclass(frozen=True)
class NotHeard:
    """The issuer surely has not got it."""

    reason: str


@dataclass(frozen=True)
class Unclear:
    """The issuer may have done it, or is still at it."""

    reason: str


Outcome = Issued | RedLettered | Refused | Absent | NotHeard | Unclear


ISSUER = "invoicing"
"""The recipient that our requests to the issuer name."""


class InvoiceIssuer(Protocol):
    async def issue(self, order: InvoiceOrder) -> Outcome:
        """Have an invoice issued. Idempotent by its number."""

    async def query(self, number: str) -> Outcome:
        """Query an invoice by its number."""

    async def reverse(self, number: str) -> Outcome:
        """Have an invoice reversed by a red-letter one. Idempotent."""


class _Answer(BaseModel):
    state: Literal["processing", "issued", "refused", "red_lettered"]
    invoice_number: Annotated[str | None, Field(pattern="^[0-9A-Za-z-]{1,40}$")] = None
    document_url: Annotated[str | None, Field(pattern=r"^https?://[^\s]{1,500}$")] = None
    red_invoice_number: Annotated[str | None, Field(pattern="^[0-9A-Za-z-]{1,40}$")] = None
    reason: Annotated[str | None, Field(pattern="^[a-z0-9_]{1,60}$")] = None


class HttpInvoiceIssuer(SignedEndpoint):
    """The issuer behind an HTTP interface like the sandbox's."""

    async def issue(self, order: InvoiceOrder) -> Outcome:
        buyer = {"kind": order.title_kind, "name": order.title, "uscc": order.uscc}
        letter = {
            "number": order.number,
            "seller": {"id": str(order.provider_id), "name": order.provider_name},
            "buyer": buyer,
            "amount_fen": order.amount_fen,
            "email": order.email,
        }
        return await self._call("POST", "/invoices", letter)

    async def query(self, number: str) -> Outcome:
        return await self._call("GET", f"/invoices/{number}")

    async def reverse(self, number: str) -> Outcome:
        return await self._call("POST", f"/invoices/{number}/red-letter", {})

    async def _call(self, method: str, path: str, letter: Mapping[str, object] | None = None) -> Outcome:
        try:
            reply = await self.send(method, path, letter)
        except NotReached as silence:
            return NotHeard(str(silence))
        except NoAnswer as silence:
            return Unclear(str(silence))
        if reply.status == httpx.codes.NOT_FOUND:
            return Absent()
        if not httpx.codes.is_success(reply.status):
            return Unclear(f"status_{reply.status}")
        return _outcome(reply.body)


def _outcome(body: bytes) -> Outcome:
    try:
        answer = answer_of(_Answer, body)
    except ValueError:
        return Unclear("answer_malformed")
    match answer:
        case _Answer(state="issued", invoice_number=str(number), document_url=str(url)):
            return Issued(number, url)
        case _Answer(state="red_lettered", red_invoice_number=str(number)):
            return RedLettered(number)
        case _Answer(state="refused"):
            return Refused(answer.reason or "not_stated")
        case _:
            return Unclear(answer.state)
