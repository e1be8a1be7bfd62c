"""A company with a system that receives deliveries, and the worker's part that sends them."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import ColumnElement, literal_column, select, update

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from kit.endpoint_urls import Endpoints
from svc_services.providers.applications.models import Provider
from svc_services.providers.deliveries.models import Delivery, DeliveryAttempt, DeliveryEndpoint, DeliveryKind
from svc_services.providers.deliveries.sender import Sender
from svc_services.providers.deliveries.service import enqueue
from tests.svc_services.companies import (
    Answer,
    ProviderSystem,
    ReceivedRequest,
    answer_with,
    answer_with_bytes,
    approved,
)
from tests.svc_services.providers.own_company.test_own_company import ADMIN, OPERATOR, OWN, linked

RECEIVED = answer_with("received")
REFUSED = answer_with_bytes(json.dumps({"code": "not_now"}).encode(), 422)
BROKEN = answer_with_bytes(b"<h1>Mr Zhang is at lunch</h1>", 503)


def to(refused: Sequence[UUID], otherwise: Answer = RECEIVED, refusal: Answer = REFUSED) -> Answer:
    """Refuse what is about some subjects."""

    def answer(handler: BaseHTTPRequestHandler, request: ReceivedRequest) -> None:
        is_refused = UUID(request.json["subject_id"]) in refused
        (refusal if is_refused else otherwise)(handler, request)

    return answer


@dataclass
class Held:
    """An answer that comes when it is let go."""

    begun: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, handler: BaseHTTPRequestHandler, request: ReceivedRequest) -> None:
        self.begun.set()
        self.go.wait(30)
        RECEIVED(handler, request)


@dataclass
class Receiver:
    """A company of which everything is known that a test asks."""

    api: httpx.AsyncClient
    tokens: Tokens
    database: Database
    system: ProviderSystem
    sender: Sender
    provider_id: UUID
    organisation_id: UUID = field(default_factory=new_id)

    @property
    def path(self) -> str:
        return f"{OWN}/{self.provider_id}"

    @property
    def admin(self) -> dict[str, str]:
        return self.tokens.staff(ADMIN, organisation_id=self.organisation_id)

    @property
    def operator(self) -> dict[str, str]:
        return self.tokens.staff(OPERATOR, organisation_id=self.organisation_id)

    async def tell(self, subject_id: UUID | None = None, **details: int) -> UUID:
        """Write a delivery; returns its subject."""
        subject_id = subject_id or new_id()
        async with self.database.transaction() as tx:
            await enqueue(tx, self.provider_id, DeliveryKind.APPLICATION_MOVED, subject_id, **details)
        return subject_id

    async def send(self) -> None:
        await self.sender.work_off(self.provider_id)

    async def all_received(self) -> bool:
        return all(row.status == "delivered" for row in await self.rows())

    def told(self) -> list[tuple[UUID, Any]]:
        """What has arrived: subjects with the version that each delivery tells of."""
        bodies = [request.json for request in self.system.requests]
        return [(UUID(body["subject_id"]), body["details"].get("version")) for body in bodies]

    async def rows(self) -> list[Delivery]:
        async with self.database.read() as tx:
            of_provider = select(Delivery).where(Delivery.provider_id == self.provider_id)
            return list((await tx.scalars(of_provider.order_by(Delivery.position))).all())

    async def attempts(self) -> list[DeliveryAttempt]:
        async with self.database.read() as tx:
            tried = select(DeliveryAttempt).join(Delivery).where(Delivery.provider_id == self.provider_id)
            return list((await tx.scalars(tried.order_by(DeliveryAttempt.id))).all())

    async def endpoint(self) -> DeliveryEndpoint:
        async with self.database.read() as tx:
            return await tx.get_one(DeliveryEndpoint, self.provider_id)

    async def move(self, endpoint_url: str) -> None:
        """Change the address, as nobody could through the API: nothing answers there."""
        async with self.database.transaction() as tx:
            moved = update(Provider).where(Provider.id == self.provider_id)
            await tx.execute(moved.values(endpoint_url=endpoint_url))

    async def repeated(self) -> None:
        """Have everything that was received sent again, as people of the company do one by one."""
        for row in await self.rows():
            assert (await self.order(f"deliveries/{row.id}/repeat")).status_code == 200

    async def let_pass(self, time: timedelta) -> None:
        """Move the clock of everything that is stored."""
        ago: ColumnElement[Any] = literal_column(f"interval '{time.total_seconds()} seconds'")
        async with self.database.transaction() as tx:
            for table, names in (
                (Delivery, ("try_at", "give_up_at", "repeated_at", "settled_at")),
                (DeliveryEndpoint, ("probe_at", "stalled_at", "failing_since", "repeated_at")),
            ):
                moved = {name: getattr(table, name) - ago for name in names}
                await tx.execute(update(table).where(table.provider_id == self.provider_id).values(moved))

    async def order(self, path: str, by: dict[str, str] | None = None, **content: str) -> httpx.Response:
        return await self.api.post(f"{self.path}/{path}", json=content, headers=(by or self.admin) | once())

    async def read(self, path: str, by: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        answer = await self.api.get(f"{self.path}/{path}", headers=by or self.operator)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def receiver(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, system: ProviderSystem, key: RSAPrivateKey
) -> Receiver:
    provider_id = await approved(api, tokens, endpoint_url=system.url)
    system.answer = RECEIVED
    made = Receiver(api, tokens, database, system, Sender(database, key, Endpoints(anywhere=True)), provider_id)
    await linked(database, provider_id, made.organisation_id)
    return made
