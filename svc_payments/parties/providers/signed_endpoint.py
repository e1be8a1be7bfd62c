"""Signed calls of a provider at the endpoint it chose, and never into our own network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.http_client import NotReached, Reply, call
from kit.public_addresses import AddressRefused, AddressUnknown, Target, pinned
from kit.signatures.messages import Unsignable, sign_request


@dataclass(frozen=True)
class SignedEndpoint:
    """One company's endpoint. Our calls are signed; the company checks them with the keys we publish."""

    client: httpx.AsyncClient
    url: str
    recipient: str
    """The company's id: it refuses what is signed for another one."""
    key: RSAPrivateKey
    seconds: float
    only_public: bool
    """Https at public addresses alone: a provider chooses its endpoint, and must not make us call our own network."""

    async def send(self, method: str, path: str, content: Mapping[str, object] | None = None) -> Reply:
        """One call with a JSON object as its body, or with none.

        Raises:
            NotReached: the request has certainly not reached the provider.
            NoAnswer: it may have; no whole answer of reasonable size came in time.
        """
        body = json.dumps(content, ensure_ascii=False).encode() if content is not None else b""
        return await call(self.client, await self._request(method, path, body), seconds=self.seconds)

    async def _request(self, method: str, path: str, body: bytes) -> httpx.Request:
        try:
            url = httpx.URL(self.url.rstrip("/") + path)
            signed = sign_request(self.key, self.recipient, method, str(url), body)
        except (httpx.InvalidURL, Unsignable):
            raise NotReached("not_a_url") from None
        target = await self._checked(url) if self.only_public else Target(url)
        return self.client.build_request(
            method,
            target.url,
            headers={**signed, **target.headers},
            content=body,
            extensions=dict(target.extensions),
        )

    async def _checked(self, url: httpx.URL) -> Target:
        if url.scheme != "https":
            raise NotReached("not_https")
        try:
            return await pinned(url)
        except AddressRefused as refused:
            reason = "name_unknown" if isinstance(refused, AddressUnknown) else "address_not_public"
            raise NotReached(reason) from None
