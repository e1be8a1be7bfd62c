from typing import Annotated

from fastapi import Depends, Request

from chassis.auth import TokenVerifier
from svc_services.accounts.bindings.provider import AccountVerifier


async def _attestations(request: Request) -> TokenVerifier:
    verifier: TokenVerifier = request.app.state.token_verifier
    return verifier


async def _account_verifier(request: Request) -> AccountVerifier:
    verifier: AccountVerifier = request.app.state.account_verifier
    return verifier


Attestations = Annotated[TokenVerifier, Depends(_attestations)]
"""Verifies the caller's attestations from svc_identity, which are signed with the keys of access tokens."""
Verifier = Annotated[AccountVerifier, Depends(_account_verifier)]
