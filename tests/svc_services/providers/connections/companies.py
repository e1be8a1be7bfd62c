"""A connected company with its application token and its keys, and the proofs that it makes with them."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chassis.db import new_id
from chassis.testing import Tokens, once
from svc_services.providers.connections.proofs import AUDIENCE, TYPE
from tests.svc_services.companies import APPLICATIONS, apply

Key = ECKey | OKPKey | RSAKey
ALGORITHMS = {"EC": "ES256", "OKP": "Ed25519", "RSA": "PS256"}
CHANGES = "/services/v1/provider-changes"


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


def public(key: Key) -> dict[str, Any]:
    return key.as_dict(private=False)


@dataclass
class Company:
    id: UUID
    token: str
    key: Key

    @property
    def path(self) -> str:
        return f"/services/v1/providers/{self.id}"

    def proof(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        key: Key | None = None,
        typ: str = TYPE,
        **claims: Any,  # noqa: ANN401 - claims
    ) -> str:
        signer = key or self.key
        usual = {
            "sub": str(self.id),
            "aud": AUDIENCE,
            "exp": int(time.time()) + 120,
            "jti": new_id().hex,
            "htm": method,
            "htp": path,
            "body_sha256": base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode(),
        }
        algorithm = ALGORITHMS[signer.key_type]
        header = {"alg": algorithm, "typ": typ, "kid": signer.kid}
        return jwt.encode(header, {**usual, **claims}, signer, algorithms=[algorithm])

    async def post(
        self,
        api: httpx.AsyncClient,
        path: str,
        content: dict[str, Any],
        *,
        key: Key | None = None,
        application_token: str | None = None,
        **claims: Any,  # noqa: ANN401 - claims
    ) -> httpx.Response:
        """A request by the company, with its application token and a proof."""
        body = json.dumps(content).encode()
        headers = {
            "Application-Token": application_token or self.token,
            "Company-Proof": self.proof("POST", path, body, key=key, **claims),
            "Content-Type": "application/json",
        }
        return await api.post(path, content=body, headers=headers | once())

    async def change(
        self,
        api: httpx.AsyncClient,
        signer: Key | None = None,
        **content: Any,  # noqa: ANN401 - JSON
    ) -> httpx.Response:
        return await self.post(api, f"{self.path}/changes", {"reason": "key rotation", **content}, key=signer)

    async def add(self, api: httpx.AsyncClient, key: Key, signer: Key | None = None) -> httpx.Response:
        return await self.change(api, signer, action="add_key", key=public(key))

    async def suspend(self, api: httpx.AsyncClient) -> httpx.Response:
        return await self.post(api, f"{self.path}/suspend", {"reason": "a key has leaked"})


async def connected(
    api: httpx.AsyncClient,
    tokens: Tokens,
    key: Key | None = None,
    **changes: Any,  # noqa: ANN401 - JSON
) -> Company:
    key = key or new_key("k1")
    filed = await apply(api, jwks={"keys": [public(key)]}, **changes)
    path = f"{APPLICATIONS}/{filed['application_id']}/approve"
    answer = await api.post(path, headers=tokens.staff("operator") | once())
    assert answer.status_code == 200, answer.text
    return Company(UUID(answer.json()["provider_id"]), filed["application_token"], key)
