"""Calls to outside systems: one HTTP client per process and one function to query a registry."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

import httpx
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError

from chassis.http_client import NoAnswer, NotReached, call, outside_client
from chassis.problems import TryLater
from chassis.telemetry import log

SECONDS = 5.0

Answer = TypeVar("Answer", bound=BaseModel)


class RegistryUnavailable(TryLater):
    """No usable answer from a base registry; nothing was decided."""

    code = "registry_unavailable"


@contextlib.asynccontextmanager
async def outside_systems(app: FastAPI) -> AsyncIterator[None]:
    """Lifespan: `app.state.outside` is the client that the `provider.py` of each slice uses."""
    async with outside_client() as app.state.outside:
        yield


async def ask_registry(
    client: httpx.AsyncClient,
    url: str,
    question: Mapping[str, str],
    answer: type[Answer],
    unavailable: type[TryLater] = RegistryUnavailable,
) -> Answer:
    """Query a base registry, or another outside system of its kind, and validate its answer.

    Raises:
        RegistryUnavailable: it gave no valid answer; or the given refusal.
    """
    try:
        reply = await call(client, client.build_request("POST", url, json=dict(question)), seconds=SECONDS)
        if reply.status == httpx.codes.OK:
            return answer.model_validate_json(reply.body)
        reason = f"status_{reply.status}"
    except (NotReached, NoAnswer, ValidationError) as error:
        reason = type(error).__name__
    log.warning("registry_failed", url=url, reason=reason)
    raise unavailable
