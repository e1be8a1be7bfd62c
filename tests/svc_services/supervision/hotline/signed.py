"""What the hotline sends, signed with its key."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.testing import PUBLIC_URL, once
from kit.signatures.messages import sign_request
from tests.svc_services.cases.applications.cases import YINING

TICKETS = "/services/v1/hotline-tickets"


def ticket(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {"hotline_number": "YN-20260302-17", "division_code": YINING, "words": "no water since the morning"}
    return {**usual, **changes}


@dataclass(frozen=True)
class Caller:
    """The hotline as a client; `recipient`, `url` and `body` differ where a test forges something."""

    api: httpx.AsyncClient
    key: RSAPrivateKey

    async def post(self, path: str, content: Any, **forged: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        body = json.dumps(content).encode()
        signed = self.headers("POST", path, body, **forged)
        return await self.api.post(path, content=forged.get("sent", body), headers=signed | once())

    async def get(self, path: str) -> httpx.Response:
        return await self.api.get(path, headers=self.headers("GET", path, b""))

    def headers(self, method: str, path: str, body: bytes, **forged: Any) -> dict[str, str]:  # noqa: ANN401
        url = forged.get("url", f"{PUBLIC_URL}{path}")
        created = forged.get("created")
        return sign_request(self.key, forged.get("recipient", "myili"), method, url, body, created=created)
