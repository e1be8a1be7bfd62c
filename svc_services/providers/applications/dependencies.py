from typing import Annotated

from fastapi import Depends, Request

from kit.conformance.probe import Prober
from kit.endpoint_urls import Endpoints
from svc_services.providers.applications.provider import LegalEntityRegistry


async def _endpoints(request: Request) -> Endpoints:
    endpoints: Endpoints = request.app.state.endpoints
    return endpoints


async def _registry(request: Request) -> LegalEntityRegistry:
    registry: LegalEntityRegistry = request.app.state.registry
    return registry


async def _prober(request: Request) -> Prober:
    prober: Prober = request.app.state.prober
    return prober


EndpointProber = Annotated[Prober, Depends(_prober)]
ProviderEndpoints = Annotated[Endpoints, Depends(_endpoints)]
Registry = Annotated[LegalEntityRegistry, Depends(_registry)]
