"""The legal-entity registry: whether a USCC belongs to an active organisation."""

from enum import StrEnum
from typing import Annotated, Protocol

import httpx
from fastapi import Depends, Request
from pydantic import BaseModel

from svc_identity.http_client import ask_registry
from svc_identity.settings import Settings


class LegalStatus(StrEnum):
    ACTIVE = "active"
    NO_RECORD = "no_record"
    REVOKED = "revoked"


class LegalEntityRegistry(Protocol):
    async def look_up(self, uscc: str) -> LegalStatus:
        """Look a USCC up in the registry.

        Raises:
            RegistryUnavailable: it gave no valid answer.
        """


class _Answer(BaseModel):
    result: LegalStatus


class HttpLegalEntityRegistry:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url}/legal-entities/lookup"

    async def look_up(self, uscc: str) -> LegalStatus:
        return (await ask_registry(self._client, self._url, {"uscc": uscc}, _Answer)).result


async def _registry(request: Request) -> LegalEntityRegistry:
    settings: Settings = request.app.state.settings
    return HttpLegalEntityRegistry(request.app.state.outside, settings.registries_url)


Registry = Annotated[LegalEntityRegistry, Depends(_registry)]
