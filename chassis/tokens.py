"""Bearer tokens: why one is refused (RFC 6750), and the issuer's public keys from its JWKS endpoint."""

import asyncio
import time
from typing import ClassVar

import httpx
from fastapi import Request
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.http_client import FAILURES, TLS
from chassis.problems import Problem, TryLater
from chassis.telemetry import SIGNING_KEYS_UNREACHABLE, SecurityEvent, log

_REFETCH_SECONDS = 10.0
_RETRY_SECONDS = 1.0


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

    def __init__(self, jwks_url: str) -> None:
        self.known: KeySet | None = None
        self._jwks_url = jwks_url
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def fetch(self) -> KeySet:
        """The current keys; the same object as before while they have not changed.

        Raises:
            TryLater: the issuer is unreachable and no keys are known.
        """
        async with self._fetching:
            if time.monotonic() - self._fetched_at < _REFETCH_SECONDS and self.known:
                return self.known
            if time.monotonic() - self._failed_at < _RETRY_SECONDS:
                return self._known_or_try_later()
            try:
                async with httpx.AsyncClient(timeout=5.0, verify=TLS) as client:
                    answer = (await client.get(self._jwks_url)).raise_for_status()
                keys = KeySet.import_key_set(answer.json())
            except (*FAILURES, JoseError, ValueError, KeyError) as error:
                SIGNING_KEYS_UNREACHABLE.inc()
                log.warning("signing_keys_unreachable", error=type(error).__name__)
                self._failed_at = time.monotonic()
                return self._known_or_try_later()
            self._fetched_at = time.monotonic()
            if self.known is None or self.known.as_dict(private=False) != keys.as_dict(private=False):
                self.known = keys
            return self.known

    def _known_or_try_later(self) -> KeySet:
        if self.known is None:
            raise TryLater
        return self.known


def bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()
