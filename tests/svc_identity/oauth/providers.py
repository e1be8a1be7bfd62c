"""The system of a provider: its keys and its client assertions."""

import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, KeySet, OKPKey, RSAKey
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id, now
from chassis.inbox import Received
from svc_identity.oauth.consumers import ProviderApproved, register_provider
from tests.svc_identity.app_client import TOKEN
from tests.svc_identity.conftest import PUBLIC_URL

Key = ECKey | OKPKey | RSAKey


def new_key(kind: str = "EC", algorithm: str | None = None) -> Key:
    """A key of a system; one with an algorithm states it."""
    stated: KeyParameters | None = {"alg": algorithm} if algorithm else None
    match kind:
        case "EC":
            return ECKey.generate_key("P-256", stated, auto_kid=True)
        case "OKP":
            return OKPKey.generate_key("Ed25519", stated, auto_kid=True)
        case _:
            return RSAKey.generate_key(2048, stated, auto_kid=True)


@dataclass
class ProviderSystem:
    key: Key = field(default_factory=new_key)
    algorithm: str = "ES256"
    provider_id: str = field(default_factory=lambda: str(new_id()))

    def approved(self, **changes: Any) -> Received[ProviderApproved]:  # noqa: ANN401 - event data
        """The event svc_services publishes when an operator approves this provider."""
        data = {
            "provider_id": self.provider_id,
            "kind": "water",
            "name": "Sample Water Company",
            "uscc": "-",
            "division_codes": ["654002"],
            "endpoint_url": "https://provider.test",
            "jwks": KeySet([self.key]).as_dict(private=False),
        }
        reader = ProviderApproved.model_validate(data | changes)
        return Received(new_id(), "cn.ili.services.provider.approved.v1", now(), reader)

    async def register(self, tx: AsyncSession, **changes: Any) -> None:  # noqa: ANN401 - event data
        await register_provider(tx, self.approved(**changes))

    def claims(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - claims
        usual = {
            "iss": self.provider_id,
            "sub": self.provider_id,
            "aud": f"{PUBLIC_URL}/identity",
            "iat": int(time.time()),
            "exp": int(time.time()) + 120,
            "jti": new_id().hex,
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def assertion(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:  # noqa: ANN401 - claims
        shown = {"alg": self.algorithm, "kid": self.key.kid} if header is None else header
        return jwt.encode(shown, self.claims(**changes), self.key, algorithms=[self.algorithm])

    async def token(self, api: httpx.AsyncClient, assertion: str | None = None, **more: str) -> httpx.Response:
        data = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion() if assertion is None else assertion,
            **more,
        }
        return await api.post(TOKEN, data=data)
