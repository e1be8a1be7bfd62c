"""Queries a provider while a resident waits: signed, once, within a time limit, counted by outcome."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, TypeVar
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from fastapi import Depends, FastAPI, Request
from prometheus_client import Counter as Counted
from pydantic import BaseModel

from chassis.http_client import AnswerTooLong, NoAnswer, NotReached, Reply, outside_client
from chassis.telemetry import log
from kit.public_addresses import RESOLVE_SECONDS
from kit.signatures.keys import load_private_key
from kit.strict_json import answer_of
from svc_payments.parties.providers.models import Provider
from svc_payments.parties.providers.signed_endpoint import SignedEndpoint
from svc_payments.settings import Settings

ANSWERS = Counted(
    "myili_provider_answers", "What providers answered to a waiting resident", ["provider_id", "question", "answer"]
)

Answer = TypeVar("Answer", bound=BaseModel)


class NotAnswered(Exception):  # noqa: N818 - an outcome of a query that callers handle
    """The provider was not reached, gave no answer in time, or has too many questions before it."""


class NotUsable(Exception):  # noqa: N818 - as above
    """The provider's answer is malformed or contradicts the contract; nothing of it is used."""


@dataclass(frozen=True)
class Questions:
    key: RSAPrivateKey
    settings: Settings
    most_at_once: int = 50
    """How many queries of this process a provider may have at once, so that a slow one does not hold up others."""
    _waiting: Counter[UUID] = field(default_factory=Counter)

    @property
    def most_seconds(self) -> float:
        """Longer than this no question takes."""
        return RESOLVE_SECONDS + self.settings.provider_timeout_seconds

    async def ask(
        self, provider: Provider, path: str, content: Mapping[str, str | int], answer: type[Answer]
    ) -> Answer:
        """Query the provider, outside any transaction because it may take long.

        Raises:
            NotAnswered, NotUsable
        """
        if self._waiting[provider.provider_id] >= self.most_at_once:
            raise NotAnswered("too_many_at_once")
        self._waiting[provider.provider_id] += 1
        try:
            reply = await self._send(provider, path, content)
        except AnswerTooLong as much:
            raise NotUsable(str(much)) from None
        except (NotReached, NoAnswer) as silence:
            raise NotAnswered(str(silence)) from None
        finally:
            self._waiting[provider.provider_id] -= 1
        if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise NotAnswered(f"status_{reply.status}")
        if reply.status != httpx.codes.OK:
            raise NotUsable(f"status_{reply.status}")
        try:
            return answer_of(answer, reply.body)
        except ValueError as error:
            raise NotUsable("malformed") from error

    async def _send(self, provider: Provider, path: str, content: Mapping[str, str | int]) -> Reply:
        seconds, only_public = self.settings.provider_timeout_seconds, self.settings.provider_endpoints == "public"
        recipient = str(provider.provider_id)
        # One client per query: in a shared one, a slow provider would use up the connections of all.
        async with outside_client() as client:
            endpoint = SignedEndpoint(client, provider.endpoint_url, recipient, self.key, seconds, only_public)
            return await endpoint.send("POST", path, {"provider_id": recipient, **content})


def count(provider: Provider, question: str, answer: str) -> None:
    ANSWERS.labels(str(provider.provider_id), question, answer).inc()


def count_fault(provider: Provider, question: str, fault: NotAnswered | NotUsable) -> None:
    """Count and log a missing or unusable answer."""
    kind = "none" if isinstance(fault, NotAnswered) else "unusable"
    log.warning(
        "provider_question_failed",
        provider_id=str(provider.provider_id),
        question=question,
        answer=kind,
        reason=str(fault),
    )
    count(provider, question, kind)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    key = load_private_key(settings.provider_signing_key.get_secret_value())
    app.state.questions = Questions(key, settings)
    yield


async def _questions(request: Request) -> Questions:
    questions: Questions = request.app.state.questions
    return questions


TheQuestions = Annotated[Questions, Depends(_questions)]
