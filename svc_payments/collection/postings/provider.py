"""Providers' books over their HTTP endpoints: send a posting, query it, cancel it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from typing import Annotated, Literal, Protocol

import httpx
from pydantic import BaseModel, Field

from chassis.http_client import NoAnswer, NotReached
from kit.strict_json import answer_of
from svc_payments.billing.bills.models import BillKind
from svc_payments.collection.postings.models import Posting
from svc_payments.parties.providers.signed_endpoint import SignedEndpoint


@dataclass(frozen=True)
class Prepaid:
    """What a prepaid meter needs to know of a booking: a token for its keys, or a card to be written."""

    kind: str
    state: str | None
    token: str | None = field(repr=False)


@dataclass(frozen=True)
class Booked:
    reference: str
    prepaid: Prepaid | None = None


@dataclass(frozen=True)
class Refused:
    """The provider will not book it, now or later."""

    reason: str


@dataclass(frozen=True)
class NotHeard:
    """The provider surely has not got it."""

    reason: str


@dataclass(frozen=True)
class NotFound:
    """The provider does not know it yet."""


@dataclass(frozen=True)
class Unclear:
    """The provider may have booked it."""

    reason: str


@dataclass(frozen=True)
class Cancelled:
    """The provider has not booked it and never will, or has reversed its booking."""


Outcome = Booked | Refused | NotHeard | NotFound | Unclear | Cancelled


class CancellationReason(StrEnum):
    UNANSWERED = "unanswered"
    """The deadline for its answer has passed."""
    REFUND = "refund"
    """What it has booked is to be returned."""


class ProviderBooks(Protocol):
    async def book(self, posting: Posting) -> Outcome:
        """Have a posting booked. Idempotent: the provider books it once."""

    async def query(self, posting: Posting) -> Outcome:
        """Query a posting."""

    async def cancel(self, posting: Posting) -> Outcome:
        """Cancel a posting or reverse its booking; `Booked` means that the provider keeps it."""


# Kept and shown to people, so: short and printable.
Words = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]


class _Prepaid(BaseModel):
    kind: Literal["token", "write_card"]
    token: Words | None = None
    state: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")] | None = None


class _Answer(BaseModel):
    result: Literal["booked", "refused", "not_found", "cancelled"]
    provider_reference: Words | None = None
    reason: Words | None = None
    prepaid: _Prepaid | None = None


class HttpProviderBooks(SignedEndpoint):
    """The books behind one provider's endpoint."""

    async def book(self, posting: Posting) -> Outcome:
        return await self._outcome("POST", "/postings", letter(posting))

    async def query(self, posting: Posting) -> Outcome:
        return await self._outcome("GET", f"/postings/{posting.id}")

    async def cancel(self, posting: Posting) -> Outcome:
        reason = CancellationReason.REFUND if posting.provider_reference else CancellationReason.UNANSWERED
        content = {
            "provider_id": str(posting.provider_id),
            "posting_id": str(posting.id),
            "reason": reason.value,
        }
        return await self._outcome("POST", f"/postings/{posting.id}/cancellations", content)

    async def _outcome(self, method: str, path: str, content: Mapping[str, str | int] | None = None) -> Outcome:
        try:
            reply = await self.send(method, path, content)
        except NotReached as silence:
            return NotHeard(str(silence))
        except NoAnswer as silence:
            return Unclear(str(silence))
        if reply.status != httpx.codes.OK:
            return Unclear(f"status_{reply.status}")
        return _outcome(reply.body)


def letter(posting: Posting) -> dict[str, str | int]:
    """The body of a posting; byte for byte the same at every attempt."""
    content: dict[str, str | int] = {
        "provider_id": str(posting.provider_id),
        "posting_id": str(posting.id),
        "payment_id": str(posting.payment_id),
        "receipt_number": posting.receipt_number,
        "bill_number": posting.bill_number,
        "account_number": posting.account_number,
        "amount_fen": posting.amount_fen,
        "currency": "CNY",
        "paid_at": posting.paid_at.astimezone(UTC).isoformat(),
    }
    if posting.bill_amount_fen is None:
        return content  # the first try was sent without these
    content["kind"] = posting.kind
    if posting.kind == BillKind.APPLICATION_FEE:
        content["application_id"] = posting.account_number
    content["late_fee_fen"], content["bill_amount_fen"] = posting.late_fee_fen, posting.bill_amount_fen
    return content


def _outcome(body: bytes) -> Outcome:
    try:
        answer = answer_of(_Answer, body)
    except ValueError:
        return Unclear("answer_malformed")
    match answer:
        case _Answer(result="booked", provider_reference=str(reference)):
            return Booked(reference, _prepaid(answer.prepaid))
        case _Answer(result="refused", reason=str(reason)):
            return Refused(reason)
        case _Answer(result="not_found"):
            return NotFound()
        case _Answer(result="cancelled"):
            return Cancelled()
        case _:
            return Unclear("answer_malformed")


def _prepaid(prepaid: _Prepaid | None) -> Prepaid | None:
    return Prepaid(prepaid.kind, prepaid.state, prepaid.token) if prepaid else None
