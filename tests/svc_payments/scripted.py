"""A provider whose answers a test sets: wrong, too large, late, or none."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from starlette.types import Receive, Scope, Send

from chassis.db import Database
from deploy.local.programs import LOOPBACK, free_port
from svc_payments.parties.providers.models import Provider
from tests.svc_payments.billing.terms.agreement import today
from tests.svc_payments.served import served

LAST_MONTH = (today().replace(day=1) - timedelta(days=1)).replace(day=1)
NUMBER = "1000000005"


def named_bill(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A bill in an answer to an inquiry."""
    usual = {
        "bill_number": "Q-1",
        "account_number": NUMBER,
        "period": f"{LAST_MONTH:%Y-%m}",
        "usage": "12.5",
        "amount_fen": 4140,
        "due_date": f"{today() + timedelta(days=10)}",
    }
    return {**usual, **changes}


@dataclass
class Scripted:
    """An ASGI application whose answers are set by the test."""

    answer: Any = None
    status: int = 200
    pause: asyncio.Event | None = None
    """If set, answers wait for it."""
    requests: list[dict[str, Any]] = field(default_factory=list)

    def due(self, *bills: dict[str, Any]) -> None:
        self.answer = {"result": "due", "bills": list(bills)}

    def answer_with(self, result: str, **more: Any) -> None:  # noqa: ANN401 - JSON
        self.answer = {"result": result, **more}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        message = await receive()
        self.requests.append({"path": scope["path"], **json.loads(message.get("body") or b"{}")})
        # The answer at the time of the request, whatever the test sets during the pause.
        content = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        if self.pause:
            await self.pause.wait()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": content})


@contextlib.asynccontextmanager
async def scripted(database: Database, provider_id: UUID) -> AsyncIterator[Scripted]:
    """Serves a scripted company as the endpoint of a provider."""
    port, company = free_port(), Scripted()
    await set_endpoint(database, provider_id, f"http://{LOOPBACK}:{port}")
    async with served(company, port):
        yield company


async def set_endpoint(database: Database, provider_id: UUID, endpoint_url: str) -> None:
    """Change the endpoint of a provider."""
    async with database.transaction() as tx:
        found = update(Provider).where(Provider.provider_id == provider_id)
        await tx.execute(found.values(endpoint_url=endpoint_url))
