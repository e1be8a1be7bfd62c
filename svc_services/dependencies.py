"""What endpoints ask for besides a transaction and a caller."""

from typing import Annotated

from fastapi import Depends, Request

from chassis.auth import Caller, TokenVerifier, allow
from svc_services.account_bindings.provider import AccountVerifier
from svc_services.outside import Endpoints
from svc_services.providers.provider import LegalEntityRegistry

only_operators = allow(role="operator")
Operator = Annotated[Caller, Depends(only_operators)]
Resident = Annotated[Caller, Depends(allow(persons=True, assurance_level=2))]


async def _statements(request: Request) -> TokenVerifier:
    verifier: TokenVerifier = request.app.state.token_verifier
    return verifier


async def _endpoints(request: Request) -> Endpoints:
    endpoints: Endpoints = request.app.state.endpoints
    return endpoints


async def _registry(request: Request) -> LegalEntityRegistry:
    registry: LegalEntityRegistry = request.app.state.registry
    return registry


async def _account_verifier(request: Request) -> AccountVerifier:
    verifier: AccountVerifier = request.app.state.account_verifier
    return verifier


Statements = Annotated[TokenVerifier, Depends(_statements)]
ProviderEndpoints = Annotated[Endpoints, Depends(_endpoints)]
Registry = Annotated[LegalEntityRegistry, Depends(_registry)]
Verifier = Annotated[AccountVerifier, Depends(_account_verifier)]
