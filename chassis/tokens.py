"""Access tokens: why one is refused (RFC 6750), and the issuer's public keys from its JWKS endpoint."""

import asyncio
import time
from collections.abc import Callable
from typing import ClassVar

import httpx
from fastapi import Request
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.http_client import FAILURES, TLS
from chassis.problems import Problem, TryLater
from chassis.telemetry import SIGNING_KEYS_UNREACHABLE, SecurityEvent, log

SCHEMES = frozenset({"bearer", "dpop"})
_REFETCH_SECONDS, _RETRY_SECONDS, _OLDEST_SECONDS = 10.0, 1.0, 240.0


class Unauthenticated(Problem):
    status = 401
    reason: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.headers = {"WWW-Authenticate": self.reason}


class TokenMissing(Unauthenticated):
    code, reason = "token_missing", 'Bearer realm="myili"'


class TokenExpired(Unauthenticated):
    code, security = "token_expired", SecurityEvent("token_expired")
    reason = 'Bearer realm="myili", error="invalid_token", error_description="the token has expired"'


class TokenInvalid(Unauthenticated):
    code, security = "token_invalid", SecurityEvent("token_invalid")
    reason = 'Bearer realm="myili", error="invalid_token", error_description="not issued here, or changed"'


class SigningKeys:
    """Unknown tokens cause at most one fetch in `_REFETCH_SECONDS`; an unreachable issuer leaves the known keys."""

    def __init__(self, jwks_url: str, on_change: Callable[[], None]) -> None:
        self.known: KeySet | None = None
        self._jwks_url, self._on_change, self._fetching = jwks_url, on_change, asyncio.Lock()
        self._fetched_at = self._failed_at = float("-inf")

    async def current(self) -> KeySet:
        """The keys, never old ones while the issuer is reachable: a withdrawn key is refused within five minutes."""
        next_fetch = max(self._fetched_at + _OLDEST_SECONDS, self._failed_at + _REFETCH_SECONDS)
        return await self.fetch() if self.known is None or time.monotonic() > next_fetch else self.known

    async def fetch(self) -> KeySet:
        """The current keys; the same object as before while they have not changed.

        Raises:
            TryLater: the issuer is unreachable and no keys are known.
        """
        async with self._fetching:
            if time.monotonic() >= max(self._fetched_at + _REFETCH_SECONDS, self._failed_at + _RETRY_SECONDS):
                await self._fetch()
            if self.known is None:
                raise TryLater
            return self.known

    async def _fetch(self) -> None:
        try:
            async with httpx.AsyncClient(timeout=httpx.Timeout(5.0, connect=1.0), verify=TLS) as client:
                keys = KeySet.import_key_set((await client.get(self._jwks_url)).raise_for_status().json())
        except (*FAILURES, JoseError, ValueError, KeyError) as error:
            SIGNING_KEYS_UNREACHABLE.inc()
            log.warning("signing_keys_unreachable", error=type(error).__name__)
            self._failed_at = time.monotonic()
            return
        self._fetched_at = time.monotonic()
        if self.known is None or self.known.as_dict(private=False) != keys.as_dict(private=False):
            self.known = keys
            self._on_change()


def presented_token(request: Request) -> tuple[str, str]:
    """The scheme of the Authorization header, `bearer` or `dpop`, and the access token in it."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in SCHEMES or not token.strip():
        raise TokenMissing
    return scheme.lower(), token.strip()
