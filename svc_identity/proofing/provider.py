"""The population registry: whether a name and an ID number belong together."""

from typing import Annotated, Protocol

import httpx
from fastapi import Depends, Request

from chassis.telemetry import log
from svc_identity.outside import RegistryUnavailable
from svc_identity.proofing.models import Outcome
from svc_identity.settings import Settings

_ANSWERS = {str(outcome): outcome for outcome in (Outcome.MATCH, Outcome.NO_MATCH, Outcome.NO_RECORD)}


class PopulationRegistry(Protocol):
    async def verify(self, name: str, id_number: str) -> Outcome:
        """Ask whether the registry has this name under this ID number.

        Raises:
            RegistryUnavailable: it did not say.
        """


class HttpPopulationRegistry:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url}/population/verify"

    async def verify(self, name: str, id_number: str) -> Outcome:
        try:
            answer = await self._client.post(self._url, json={"name": name, "id_number": id_number})
            return _ANSWERS[answer.raise_for_status().json()["result"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("population_registry_failed", error=type(error).__name__)
            raise RegistryUnavailable from None


def _registry(request: Request) -> PopulationRegistry:
    settings: Settings = request.app.state.settings
    return HttpPopulationRegistry(request.app.state.outside, settings.registries_url)


Registry = Annotated[PopulationRegistry, Depends(_registry)]
