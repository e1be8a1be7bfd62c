"""The provider's side of a binding: it says whether an account is held under a name."""

import asyncio
import json
from dataclasses import dataclass, field
from enum import StrEnum
from ssl import SSLContext
from typing import Protocol
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel, SecretStr, ValidationError

from chassis.signatures import sign, thumbprint
from chassis.telemetry import log
from svc_services.outside import Endpoints, EndpointUrlRefused

_LONGEST_ANSWER = 16_384


class Outcome(StrEnum):
    MATCH = "match"
    NO_MATCH = "no_match"
    NO_ACCOUNT = "no_account"
    NO_ANSWER = "no_answer"
    """Also an answer that makes no sense."""


@dataclass(frozen=True)
class Question:
    """Whether an account of a provider is held under a name."""

    request_id: UUID
    binding_id: UUID
    provider_id: UUID
    endpoint_url: str
    account_number: str
    holder_name: SecretStr


class AccountVerifier(Protocol):
    async def ask(self, question: Question) -> Outcome:
        """What the provider says; never raises for what the provider does."""


class _Answer(BaseModel):
    result: Outcome


@dataclass(frozen=True)
class HttpAccountVerifier:
    """Over HTTP, signed: `POST {endpoint_url}/account-verifications {request_id, account_number, holder_name}`."""

    key: RSAPrivateKey
    endpoints: Endpoints
    seconds: float = 10.0
    tls: SSLContext = field(default_factory=httpx.create_ssl_context)

    async def ask(self, question: Question) -> Outcome:
        try:
            # A limit on the whole: a provider that trickles its answer would outlast a limit between two bytes.
            async with asyncio.timeout(self.seconds):
                return _Answer.model_validate_json(await self._post(question)).result
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValidationError, EndpointUrlRefused) as error:
            log.warning("provider_gave_no_answer", provider_id=str(question.provider_id), error=type(error).__name__)
            return Outcome.NO_ANSWER

    async def _post(self, question: Question) -> bytes:
        content = {
            "request_id": str(question.request_id),
            "account_number": question.account_number,
            "holder_name": question.holder_name.get_secret_value(),
        }
        body = json.dumps(content, ensure_ascii=False).encode()
        target = await self.endpoints.target(f"{question.endpoint_url}/account-verifications")
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",  # a compressed answer could unfold to any size
            **target.headers,
            **sign(self.key, thumbprint(self.key.public_key()), body),
        }
        async with (
            httpx.AsyncClient(verify=self.tls, trust_env=False, timeout=self.seconds) as client,
            client.stream(
                "POST", target.url, content=body, headers=headers, extensions=dict(target.extensions)
            ) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise httpx.HTTPStatusError("not 200", request=answer.request, response=answer)
            return await _at_most(_LONGEST_ANSWER, answer)


async def _at_most(limit: int, answer: httpx.Response) -> bytes:
    received = b""
    async for part in answer.aiter_raw():
        received += part
        if len(received) > limit:
            raise httpx.ReadError("the answer is too long", request=answer.request)
    return received
