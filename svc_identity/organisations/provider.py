"""The legal-entity registry: whether a USCC belongs to an active organisation, and who represents it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal, Protocol

import httpx
from fastapi import Depends, Request
from pydantic import BaseModel

from svc_identity.http_client import ask_registry
from svc_identity.organisations.representation.models import Outcome
from svc_identity.settings import Settings


class LegalStatus(StrEnum):
    ACTIVE = "active"
    NO_RECORD = "no_record"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Officer:
    """A person as the registry knows its legal representatives."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)


class LegalEntityRegistry(Protocol):
    async def look_up(self, uscc: str) -> LegalStatus:
        """Look a USCC up in the registry.

        Raises:
            RegistryUnavailable: it gave no valid answer.
        """

    async def represents(self, uscc: str, officer: Officer) -> Outcome:
        """Query whether this person is the legal representative of an organisation; yes or no, and no names.

        Raises:
            RegistryUnavailable: it gave no valid answer.
        """


class _Answer(BaseModel):
    result: LegalStatus


class _Representation(BaseModel):
    result: Literal[Outcome.MATCH, Outcome.NO_MATCH, Outcome.NO_RECORD, Outcome.REVOKED]


class HttpLegalEntityRegistry:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url}/legal-entities/lookup"
        self._representative_url = f"{url}/legal-entities/representative"

    async def look_up(self, uscc: str) -> LegalStatus:
        return (await ask_registry(self._client, self._url, {"uscc": uscc}, _Answer)).result

    async def represents(self, uscc: str, officer: Officer) -> Outcome:
        question = {"uscc": uscc, "name": officer.name, "id_number": officer.id_number}
        return (await ask_registry(self._client, self._representative_url, question, _Representation)).result


async def _registry(request: Request) -> LegalEntityRegistry:
    settings: Settings = request.app.state.settings
    return HttpLegalEntityRegistry(request.app.state.outside, settings.registries_url)


Registry = Annotated[LegalEntityRegistry, Depends(_registry)]
