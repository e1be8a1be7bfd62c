"""The population registry: whether a name and an ID number belong together."""

from typing import Annotated, Literal, Protocol

import httpx
from fastapi import Depends, Request
from pydantic import BaseModel

from svc_identity.http_client import ask_registry
from svc_identity.people.proofing.models import Outcome
from svc_identity.settings import Settings


class PopulationRegistry(Protocol):
    async def verify(self, name: str, id_number: str) -> Outcome:
        """Query whether the registry has this name under this ID number.

        Raises:
            RegistryUnavailable: it gave no valid answer.
        """


class _Answer(BaseModel):
    result: Literal[Outcome.MATCH, Outcome.NO_MATCH, Outcome.NO_RECORD]


class HttpPopulationRegistry:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url}/population/verify"

    async def verify(self, name: str, id_number: str) -> Outcome:
        question = {"name": name, "id_number": id_number}
        return (await ask_registry(self._client, self._url, question, _Answer)).result


async def _registry(request: Request) -> PopulationRegistry:
    settings: Settings = request.app.state.settings
    return HttpPopulationRegistry(request.app.state.outside, settings.registries_url)


Registry = Annotated[PopulationRegistry, Depends(_registry)]
