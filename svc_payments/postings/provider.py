"""Providers' books, over their own HTTP endpoints: tell of a posting, and ask what became of it."""

import json
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Any, Literal, Protocol

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel, Field, ValidationError

from chassis.outside import NoAnswer, NotReached, call, public_address
from chassis.signatures import sign, thumbprint
from svc_payments.postings.models import Posting

_HTTPS = 443


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


@dataclass(frozen=True)
class HttpProviderBooks:
    """One provider's endpoint. Our calls are signed; the provider checks them with the keys we publish."""

    client: httpx.AsyncClient
    endpoint_url: str
    key: RSAPrivateKey
    seconds: float
    only_public: bool
    """Https at public addresses alone: a provider chooses its endpoint, and must not make us call our own network."""

    async def tell(self, posting: Posting) -> Outcome:
        return await self._call("POST", "/postings", json.dumps(letter(posting), ensure_ascii=False).encode())

    async def ask(self, posting: Posting) -> Outcome:
        return await self._call("GET", f"/postings/{posting.id}", b"")

    async def _call(self, method: str, path: str, body: bytes) -> Outcome:
        headers = {"Content-Type": "application/json"} if body else {}
        headers |= sign(self.key, thumbprint(self.key.public_key()), body)
        try:
            request = await self._request(method, path, headers, body)
            reply = await call(self.client, request, seconds=self.seconds)
        except NotReached as silence:
            return NotHeard(str(silence))
        except NoAnswer as silence:
            return Unclear(str(silence))
        if reply.status != httpx.codes.OK:
            return Unclear(f"status_{reply.status}")
        return _outcome(reply.body)

    async def _request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Request:
        try:
            url = httpx.URL(self.endpoint_url.rstrip("/") + path)
        except httpx.InvalidURL:
            raise NotReached("not_a_url") from None
        extensions: dict[str, Any] = {}
        if self.only_public:
            if url.scheme != "https":
                raise NotReached("not_https")
            # Connected to by its address; TLS still asks for, and checks the certificate against, the name.
            headers = {**headers, "Host": url.netloc.decode("ascii")}
            extensions = {"sni_hostname": url.raw_host.decode("ascii")}
            url = url.copy_with(host=await public_address(url.raw_host.decode("ascii").strip("[]"), url.port or _HTTPS))
        return self.client.build_request(method, url, headers=headers, content=body, extensions=extensions)


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
