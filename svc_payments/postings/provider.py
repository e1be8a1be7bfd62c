"""Providers' books, over their own HTTP endpoints: tell of a posting, and ask what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Literal, Protocol

import httpx
from pydantic import BaseModel, Field, ValidationError

from chassis.outside import NoAnswer, NotReached
from svc_payments.postings.models import Posting
from svc_payments.providers.endpoint import Endpoint


@dataclass(frozen=True)
class Booked:
    reference: str


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
    """The provider, asked, does not know it yet."""


@dataclass(frozen=True)
class Unclear:
    """The provider may have booked it."""

    reason: str


Outcome = Booked | Refused | NotHeard | NotFound | Unclear


class ProviderBooks(Protocol):
    async def tell(self, posting: Posting) -> Outcome:
        """Have a posting booked; the provider books it once however often it is told."""

    async def ask(self, posting: Posting) -> Outcome:
        """What became of a posting."""


# Kept and shown to people, so: short and printable.
Words = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]


class _Answer(BaseModel):
    result: Literal["booked", "refused", "not_found"]
    provider_reference: Words | None = None
    reason: Words | None = None


class HttpProviderBooks(Endpoint):
    """The books behind one provider's endpoint."""

    async def tell(self, posting: Posting) -> Outcome:
        return await self._outcome("POST", "/postings", letter(posting))

    async def ask(self, posting: Posting) -> Outcome:
        return await self._outcome("GET", f"/postings/{posting.id}")

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
    """What the provider is told; word for word the same at every try."""
    return {
        "posting_id": str(posting.id),
        "payment_id": str(posting.payment_id),
        "receipt_number": posting.receipt_number,
        "bill_number": posting.bill_number,
        "account_number": posting.account_number,
        "amount_fen": posting.amount_fen,
        "currency": "CNY",
        "paid_at": posting.paid_at.astimezone(UTC).isoformat(),
    }


def _outcome(body: bytes) -> Outcome:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError:
        return Unclear("answer_malformed")
    match answer:
        case _Answer(result="booked", provider_reference=str(reference)):
            return Booked(reference)
        case _Answer(result="refused", reason=str(reason)):
            return Refused(reason)
        case _Answer(result="not_found"):
            return NotFound()
        case _:
            return Unclear("answer_malformed")
