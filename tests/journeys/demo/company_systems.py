"""What a company does by itself besides the reference provider: tokens by any of its keys, and signed changes."""

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from contracts.reference_provider.client import load_key
from tests.journeys.demo.stage import Company
from tests.svc_services.providers.connections import companies

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": f"demo-{secrets.token_hex(4)}"})


@dataclass
class CompanySystem:
    """A connected company's own clients, with its first key and its application token."""

    platform: str
    provider_id: str
    key: ECKey
    application_token: str

    @classmethod
    def of(cls, platform: str, company: Company) -> "CompanySystem":
        assert company.application is not None
        token = company.application["application_token"]
        return cls(platform, company.provider_id, load_key(company.state / "key.json"), token)

    @property
    def path(self) -> str:
        return f"/services/v1/providers/{self.provider_id}"

    def request_token(self, key: ECKey) -> httpx.Response:
        """Ask for an access token of all scopes, with an assertion by this key."""
        issuer = f"{self.platform}/identity"
        claims = {"iss": self.provider_id, "sub": self.provider_id, "aud": issuer, "exp": int(time.time()) + 60}
        signed = jwt.encode({"alg": "ES256", "kid": key.kid}, {**claims, "jti": secrets.token_hex(16)}, key)
        proof = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": signed}
        return httpx.post(f"{issuer}/v1/oauth/token", data={"grant_type": "client_credentials", **proof})

    def token(self, key: ECKey) -> str | None:
        answer = self.request_token(key)
        return str(answer.json()["access_token"]) if answer.is_success else None

    def call(self, token: str, method: str, path: str, *, etag: str = "", **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(16)}
        if etag:
            headers["If-Match"] = etag
        return httpx.request(method, f"{self.platform}{path}", headers=headers, json=content or None)

    def change(self, signer: ECKey, /, **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        """A change of the connection, with the application token and a proof by a key."""
        body = json.dumps({"reason": "a key has leaked", **content}).encode()
        company = companies.Company(UUID(self.provider_id), self.application_token, signer)
        headers = {
            "Application-Token": self.application_token,
            "Company-Proof": company.proof("POST", f"{self.path}/changes", body),
            "Content-Type": "application/json",
            "Idempotency-Key": secrets.token_hex(16),
        }
        return httpx.post(f"{self.platform}{self.path}/changes", content=body, headers=headers)
