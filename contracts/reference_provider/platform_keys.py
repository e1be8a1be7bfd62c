"""The platform's public keys: fetched when a signature names one that is not known, and cached."""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

COOLDOWN = 30  # seconds between two fetches; limits the fetches that unknown key ids cause
MAX_AGE = 3600  # seconds after which a key that is no longer published is no longer trusted


class KeysUnavailable(Exception):  # noqa: N818 - an answer to the caller
    """The platform's keys cannot be fetched, so the caller cannot be verified and should retry."""


class PlatformKeys:
    """The platform's signing keys by key id."""

    def __init__(self, addresses: Sequence[str], cooldown: float = COOLDOWN) -> None:
        self._addresses, self._cooldown = addresses, cooldown
        self._keys: dict[str, dict[str, rsa.RSAPublicKey]] = {}
        self._fetched_at = float("-inf")
        self._complete = False
        self._one_at_a_time = asyncio.Lock()

    async def key(self, key_id: str) -> rsa.RSAPublicKey | None:
        """The key with an id; None: the platform publishes no such key."""
        async with self._one_at_a_time:
            age = time.monotonic() - self._fetched_at
            known = self._find(key_id)
            if age > MAX_AGE or (known is None and age > self._cooldown):
                await self._fetch()
                known = self._find(key_id)
        if known is None and not self._complete:
            raise KeysUnavailable
        return known

    def _find(self, key_id: str) -> rsa.RSAPublicKey | None:
        return next((keys[key_id] for keys in self._keys.values() if key_id in keys), None)

    async def _fetch(self) -> None:
        self._fetched_at, self._complete = time.monotonic(), True
        async with httpx.AsyncClient(timeout=5, verify=_tls()) as client:
            for address in self._addresses:
                try:
                    answer = await client.get(address)
                    self._keys[address] = _rsa_keys(answer.raise_for_status().json())
                except (httpx.HTTPError, ValueError, KeyError, JoseError):
                    self._complete = False  # keys fetched earlier from this address stay in use


@cache  # reading the certificate authorities takes as long as many calls
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _rsa_keys(jwks: Mapping[str, Any]) -> dict[str, rsa.RSAPublicKey]:
    """The RSA signing keys of a set; keys for other uses are ignored."""
    signing = (jwk for jwk in jwks["keys"] if jwk["kty"] == "RSA" and jwk.get("use", "sig") == "sig")
    return {jwk["kid"]: RSAKey.import_key(jwk).public_key for jwk in signing}
