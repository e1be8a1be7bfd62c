"""A client that proves its key (RFC 9449), written like any external one."""

import base64
import hashlib
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chassis.db import new_id

Key = ECKey | OKPKey | RSAKey


def hash_of(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")


@dataclass
class Prover:
    """One key; `nonce` is the newest that a server has sent."""

    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256"))
    algorithm: str = "ES256"
    nonce: str | None = None
    origin: str = ""
    """Where the server is for its clients, if not where it is reached."""

    @property
    def thumbprint(self) -> str:
        return self.key.thumbprint()

    def proof(
        self,
        method: str,
        address: str,
        *,
        token: str | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,  # noqa: ANN401 - claims
    ) -> str:
        """A proof for a request; any claim can be replaced, or dropped with None, and so can members of the header."""
        usual = {
            "jti": new_id().hex,
            "htm": method,
            "htu": address,
            "iat": int(time.time()),
            "nonce": self.nonce,
            "ath": hash_of(token) if token else None,
        }
        claims = {name: value for name, value in {**usual, **changes}.items() if value is not None}
        shown = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.key.as_dict(private=False)} | (header or {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.encode(shown, claims, self.key, algorithms=[self.algorithm])

    async def send(
        self,
        api: httpx.AsyncClient,
        method: str,
        path: str,
        *,
        token: str | None = None,
        **request: Any,  # noqa: ANN401 - httpx's
    ) -> httpx.Response:
        """Send a request with a proof, and once more with the nonce that the server asks for."""
        answer = await self._send_once(api, method, path, token, request)
        if "use_dpop_nonce" in answer.headers.get("www-authenticate", "") + answer.text:
            self.nonce = answer.headers["dpop-nonce"]
            answer = await self._send_once(api, method, path, token, request)
        return answer

    async def _send_once(
        self, api: httpx.AsyncClient, method: str, path: str, token: str | None, request: dict[str, Any]
    ) -> httpx.Response:
        headers = dict(request.get("headers", {}))
        headers["DPoP"] = self.proof(
            method, self.origin + path if self.origin else str(api.base_url.join(path)), token=token
        )
        if token:
            headers["Authorization"] = f"DPoP {token}"
        return await api.request(method, path, **{**request, "headers": headers})
