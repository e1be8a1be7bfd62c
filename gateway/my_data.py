"""One file with what all services hold of a person: `GET /my-data` with a ticket of svc_identity."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response

from chassis.auth import TokenVerifier
from chassis.db import now
from chassis.http_client import FAILURES
from chassis.tokens import TokenInvalid, presented_token
from gateway.refusals import ServiceAbsent, ServiceBroken
from gateway.routing import Contract
from kit.my_data import AUDIENCE, TYPE, Ticket

PATH = "/my-data"
_SECONDS = 30.0


class MyDataFile:
    """Collects the parts of the services that promise one; a file that misses a part is not sent."""

    def __init__(self, contracts: Sequence[Contract], urls: Mapping[str, str], verifier: TokenVerifier) -> None:
        templates = {operation.template for contract in contracts for operation in contract.operations}
        parts = {service: f"/{service}/v1{PATH}" for service in urls}
        self._addresses = {service: f"{urls[service]}{path}" for service, path in parts.items() if path in templates}
        self._verifier = verifier

    async def answer(self, request: Request) -> Response:
        """The whole file.

        Raises:
            TokenMissing, TokenInvalid, TokenExpired: the ticket is none.
            ServiceAbsent, ServiceBroken: a part is missing.
        """
        _scheme, ticket = presented_token(request)
        await self._verifier.verify_statement(ticket, Ticket, typ=TYPE, audience=AUDIENCE)
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            parts = await asyncio.gather(*(self._part(client, service, ticket) for service in self._addresses))
        whole = {"exported_at": now().isoformat(), **dict(zip(self._addresses, parts, strict=True))}
        content = json.dumps(whole, ensure_ascii=False, indent=1)
        headers = {"Content-Disposition": 'attachment; filename="my-data.json"', "Cache-Control": "no-store"}
        return Response(content, media_type="application/json", headers=headers)

    async def _part(self, client: httpx.AsyncClient, service: str, ticket: str) -> Any:  # noqa: ANN401 - JSON
        try:
            answer = await client.get(self._addresses[service], headers={"Authorization": f"Bearer {ticket}"})
        except FAILURES:
            raise ServiceAbsent(service=service) from None
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # its sign-in has ended meanwhile
            raise TokenInvalid
        if answer.status_code != httpx.codes.OK:
            raise ServiceBroken(service=service)
        return answer.json()["kinds"]
