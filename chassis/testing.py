"""For tests of services: tokens signed by a key of the test run, clients, and what was emitted."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.outbox import outbox
from chassis.settings import AUDIENCE

PUBLIC_URL = "http://gateway.test"
SCOPES = "openid profile phone bills pay accounts applications mini_apps staff"
"""All that persons can have."""


class Tokens:
    """Signs access tokens like svc_identity does and publishes the key over HTTP, as the JWKS of a real issuer."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        keys = json.dumps({"keys": [self.key.as_dict(private=False)]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.jwks_url = f"http://127.0.0.1:{self._server.server_port}/jwks"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sign(self, *, key: ECKey | None = None, typ: str = "at+jwt", **claims: Any) -> str:  # noqa: ANN401 - claims
        """A token with usual claims, each of which can be replaced (or dropped, with None)."""
        issued = int(time.time())
        usual = {
            "iss": f"{PUBLIC_URL}/identity",
            "aud": AUDIENCE,
            "sub": str(new_id()),
            "client_id": "myili-app",
            "kind": "person",
            "iat": issued,
            "exp": issued + 600,
            "jti": new_id().hex,
            "scope": SCOPES,
            "assurance_level": 1,
            "memberships": [],
            "acr": "urn:myili:sign-in:two-factors",
        }
        chosen = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        signer = key or self.key
        return jwt.encode({"alg": "ES256", "typ": typ, "kid": signer.kid}, chosen, signer, algorithms=["ES256"])

    def resident(self, person_id: UUID | None = None, *, assurance_level: int = 2) -> dict[str, str]:
        """The Authorization header of a person."""
        return _bearer(self.sign(sub=str(person_id or new_id()), assurance_level=assurance_level))

    def client(self, client_id: UUID, *scopes: str, key: str | None = None) -> dict[str, str]:
        """The Authorization header of a provider's system, which proved itself by the key of this thumbprint."""
        claims: dict[str, Any] = {"sub": str(client_id), "client_id": str(client_id), "client_key": key}
        return _bearer(self.sign(**claims, kind="client", assurance_level=None, scope=" ".join(scopes)))

    def staff(
        self,
        role: str,
        *,
        organisation_id: UUID | None = None,
        division_code: str | None = None,
        person_id: UUID | None = None,
        assurance_level: int = 2,
    ) -> dict[str, str]:
        """The Authorization header of a person with a role in an organisation; a new person with each call."""
        membership = {"organisation_id": str(organisation_id or new_id()), "role": role, "division_code": division_code}
        sub = str(person_id or new_id())
        return _bearer(self.sign(sub=sub, assurance_level=assurance_level, memberships=[membership]))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextlib.asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of an application in this process, with the application's lifespan around it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


def once() -> dict[str, str]:
    """A new Idempotency-Key header."""
    return {"Idempotency-Key": new_id().hex}


@dataclass(frozen=True)
class Emitted:
    """An event as it stands in the outbox."""

    type: str
    key: str
    data: dict[str, Any]


async def emitted(tx: AsyncSession) -> Sequence[Emitted]:
    """What has been emitted, in order."""
    rows = await tx.scalars(select(outbox.c.payload).order_by(outbox.c.position))
    events = [json.loads(payload) for payload in rows]
    return [Emitted(event["type"], event["subject"], event["data"]) for event in events]


async def until(condition: Callable[[], Any], *, seconds: float = 15.0) -> Any:  # noqa: ANN401 - what the condition gives
    """Wait for an awaitable condition to give something true, and return it.

    Raises:
        TimeoutError: it did not in time.
    """
    async with asyncio.timeout(seconds):
        while not (result := await condition()):  # noqa: ASYNC110 - conditions are in databases and other processes
            await asyncio.sleep(0.02)
    return result
