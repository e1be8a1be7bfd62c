"""The legal-entity registry."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import httpx
from pydantic import BaseModel

from chassis.http_client import NoAnswer, NotReached, call, outside_client
from chassis.problems import Problem
from chassis.telemetry import log
from kit.strict_json import answer_of

_SECONDS = 5.0


class RegistryUnavailable(Problem):
    status, code = 503, "registry_unavailable"
    headers = {"Retry-After": "30"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class Standing(StrEnum):
    ACTIVE = "active"
    NO_RECORD = "no_record"
    REVOKED = "revoked"


class LegalEntityRegistry(Protocol):
    async def standing_of(self, uscc: str) -> Standing:
        """A company's standing in the registry.

        Raises:
            RegistryUnavailable: it gave no answer, or none that makes sense.
        """


class _Answer(BaseModel):
    result: Standing


@dataclass(frozen=True)
class HttpLegalEntityRegistry:
    """The registry over HTTP: `POST /legal-entities/lookup {uscc}` -> `{result}`."""

    url: str

    async def standing_of(self, uscc: str) -> Standing:
        try:
            async with outside_client(self.url) as client:
                request = client.build_request("POST", "/legal-entities/lookup", json={"uscc": uscc})
                reply = await call(client, request, seconds=_SECONDS)
            if reply.status == httpx.codes.OK:
                return answer_of(_Answer, reply.body).result
            reason = f"status_{reply.status}"
        except (NotReached, NoAnswer, ValueError) as error:
            reason = type(error).__name__
        log.warning("legal_entity_registry_unavailable", reason=reason)
        raise RegistryUnavailable
