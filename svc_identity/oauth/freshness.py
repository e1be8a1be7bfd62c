"""Step-up: what changes how somebody signs in needs a token of a sign-in of a moment ago (RFC 9470)."""

from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import TWO_FACTORS, SecondFactorNeeded
from chassis.db import now
from chassis.tokens import TokenInvalid, Unauthenticated, presented_token
from svc_identity.oauth import access_tokens
from svc_identity.oauth.issuer import Issuer
from svc_identity.people.factors.service import factors_of

FRESH_SECONDS = 600


class SignInTooOld(Unauthenticated):
    """The person has to sign in again."""

    code = "sign_in_too_old"
    reason = 'Bearer realm="myili", error="insufficient_user_authentication"'

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.headers = {"WWW-Authenticate": f'{self.reason}, max_age="{seconds}"'}
        self.values = {"minutes": seconds // 60}


def require_recent(issuer: Issuer, request: Request, seconds: int) -> dict[str, Any]:
    """The claims of a token whose sign-in is at most so many seconds old.

    Raises:
        TokenInvalid, SignInTooOld
    """
    _scheme, token = presented_token(request)
    claims = access_tokens.read(issuer, token)
    if claims is None:
        raise TokenInvalid
    if claims.get("auth_time", 0) < now().timestamp() - seconds:
        raise SignInTooOld(seconds)
    return claims


async def require_fresh(tx: AsyncSession, issuer: Issuer, request: Request) -> dict[str, Any]:
    """The claims of a token whose sign-in still is, is fresh, and used a second factor if its person has one.

    Raises:
        TokenInvalid, SignInTooOld, SecondFactorNeeded
    """
    claims = require_recent(issuer, request, FRESH_SECONDS)
    if not await tx.run_sync(access_tokens.is_in_force, claims):
        raise TokenInvalid
    if claims.get("acr") not in TWO_FACTORS and await factors_of(tx, UUID(claims["sub"])):
        raise SecondFactorNeeded
    return claims
