"""The legal-entity registry."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import httpx
from pydantic import BaseModel, ValidationError

from chassis.problems import Problem
from chassis.telemetry import log

_TIMEOUT = httpx.Timeout(5.0)


class RegistryUnreachable(Problem):
    status, code = 503, "registry_unreachable"
    headers = {"Retry-After": "30"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class Standing(StrEnum):
    ACTIVE = "active"
    NO_RECORD = "no_record"
    REVOKED = "revoked"


class LegalEntityRegistry(Protocol):
    async def standing_of(self, uscc: str) -> Standing:
        """How the registry has a company.

        Raises:
            RegistryUnreachable: it gave no answer, or none that makes sense.
        """


class _Answer(BaseModel):
    result: Standing


@dataclass(frozen=True)
class HttpLegalEntityRegistry:
    """The registry over HTTP: `POST /legal-entities/lookup {uscc}` -> `{result}`."""

    url: str

    async def standing_of(self, uscc: str) -> Standing:
        try:
            async with httpx.AsyncClient(base_url=self.url, timeout=_TIMEOUT, trust_env=False) as client:
                answer = (await client.post("/legal-entities/lookup", json={"uscc": uscc})).raise_for_status()
            return _Answer.model_validate_json(answer.content).result
        except (httpx.HTTPError, ValidationError) as error:
            log.warning("legal_entity_registry_unreachable", error=type(error).__name__)
            raise RegistryUnreachable from None
