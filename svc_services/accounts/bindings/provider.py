"""Queries the provider whether an account is held under a name."""

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from ssl import SSLContext
from typing import Annotated, Literal, Protocol
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel, SecretStr, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from chassis.http_client import TLS, NoAnswer, NotReached, call, outside_client
from chassis.telemetry import log
from kit.endpoint_urls import Endpoints, EndpointUrlRefused
from kit.signatures.messages import Unsignable, sign_request
from kit.strict_json import answer_of
from svc_services.accounts.premises.schemas import Premises


class Outcome(StrEnum):
    MATCH = "match"
    NO_MATCH = "no_match"
    NO_ACCOUNT = "no_account"
    NO_ANSWER = "no_answer"
    """Also an invalid answer."""


@dataclass(frozen=True)
class Question:
    """Whether an account of a provider is held under a name."""

    request_id: UUID
    binding_id: UUID
    provider_id: UUID
    endpoint_url: str
    account_number: str
    holder_name: SecretStr
    asked_on: date
    """The day in China."""


@dataclass(frozen=True)
class Reply:
    outcome: Outcome
    premises: Premises | None = None
    """Where the account is supplied, if the provider says so."""


class AccountVerifier(Protocol):
    async def ask(self, question: Question) -> Reply:
        """The provider's answer; its failures are outcomes, not exceptions."""


def _readable(stated: object, read: ValidatorFunctionWrapHandler) -> Premises | None:
    """Premises that cannot be read are left out; the account is bound all the same."""
    try:
        premises: Premises | None = read(stated)
    except ValidationError:
        log.warning("provider_premises_unreadable")
        return None
    return premises


class _Answer(BaseModel):
    result: Literal[Outcome.MATCH, Outcome.NO_MATCH, Outcome.NO_ACCOUNT]
    premises: Annotated[Premises | None, WrapValidator(_readable)] = None


@dataclass(frozen=True)
class HttpAccountVerifier:
    """Over HTTP, signed: `POST {endpoint_url}/account-verifications`."""

    key: RSAPrivateKey
    endpoints: Endpoints
    seconds: float = 10.0
    tls: SSLContext = TLS

    async def ask(self, question: Question) -> Reply:
        try:
            async with outside_client(tls=self.tls) as client:
                reply = await call(client, await self._request(client, question), seconds=self.seconds)
            if reply.status == httpx.codes.OK:
                answer = answer_of(_Answer, reply.body)
                return Reply(answer.result, answer.premises if answer.result is Outcome.MATCH else None)
            reason = f"status_{reply.status}"
        except (NotReached, NoAnswer, httpx.InvalidURL, Unsignable, ValueError, EndpointUrlRefused) as error:
            reason = type(error).__name__
        log.warning("provider_gave_no_answer", provider_id=str(question.provider_id), reason=reason)
        return Reply(Outcome.NO_ANSWER)

    async def _request(self, client: httpx.AsyncClient, question: Question) -> httpx.Request:
        content = {
            "provider_id": str(question.provider_id),
            "request_id": str(question.request_id),
            "account_number": question.account_number,
            "holder_name": question.holder_name.get_secret_value(),
        }
        body = json.dumps(content, ensure_ascii=False).encode()
        url = str(httpx.URL(f"{question.endpoint_url}/account-verifications"))
        target = await self.endpoints.target(url)
        signed = sign_request(self.key, str(question.provider_id), "POST", url, body)
        return client.build_request(
            "POST",
            target.url,
            content=body,
            headers={**signed, **target.headers},
            extensions=dict(target.extensions),
        )
