"""The environment of svc_payments in tests: its API on a port, the real sandbox channel, the reference provider."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.db import Database, new_id
from chassis.http_client import outside_client
from chassis.testing import Emitted, Tokens, emitted, once
from contracts.reference_provider import server as reference_provider
from contracts.reference_provider.books import Books
from contracts.reference_provider.platform_keys import PlatformKeys
from contracts.reference_provider.roster import account_number
from deploy.local.programs import LOOPBACK
from kit.signatures.messages import sign_request
from svc_payments.billing.bills.models import Bill
from svc_payments.channels.registry import open_channels
from svc_payments.collection.payments.models import Attempt
from svc_payments.collection.payments.orders import Orders
from svc_payments.collection.postings.delivery import Delivery
from svc_payments.collection.refunds.worker import Refunds
from svc_payments.oversight.incidents.models import Incident
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.settings import Settings
from tests.svc_payments.served import served

SEED = "1"
ACCOUNTS = 200
NOTICES = "/payments/v1/channels/sandbox/notices"
CONTRACT_NOTICES = "/payments/v1/channels/sandbox/contract-notices"
Answer = httpx.Response


class LostAnswers:
    """An application that processes its next POST requests but loses their answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.lost = 0
        self.calls: list[tuple[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self.calls.append(
            (scope["method"], scope["path"].rpartition("/")[0] if scope["method"] == "GET" else scope["path"])
        )
        if scope["method"] != "POST" or self.lost == 0:
            await self._app(scope, receive, send)
            return
        self.lost -= 1

        async def discard(_: Message) -> None:
            return

        await self._app(scope, receive, discard)
        while (await receive())["type"] != "http.disconnect":
            pass


@dataclass
class Company:
    """The reference provider of a test, with its books and the wrapper that can lose its answers."""

    books: Books
    keys: PlatformKeys
    port: int
    provider_id: UUID | None = None

    def __post_init__(self) -> None:
        known_as = reference_provider.Company(self.endpoint_url, lambda: str(self.provider_id or ""))
        self.server = reference_provider.create_app(self.books, self.keys, known_as)
        self.app = LostAnswers(self.server)

    @classmethod
    def at(cls, folder: Path, port: int, platform: str, prepaid: str | None = None) -> "Company":
        books = Books(folder / f"books-{port}.sqlite3", prepaid)
        books.fill_roster(SEED, ACCOUNTS)
        keys = PlatformKeys([f"{platform}/payments/v1/signing-keys"], cooldown=0)
        return cls(books, keys, port)

    def open(self) -> contextlib.AbstractAsyncContextManager[None]:
        return served(self.app, self.port)

    @property
    def endpoint_url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def booked(self) -> list[dict[str, Any]]:
        """The bookings, oldest first."""
        return [row for row in reversed(self.books.newest(1_000)) if row["result"] == "booked"]


@dataclass
class World:
    settings: Settings
    database: Database
    tokens: Tokens
    api: httpx.AsyncClient
    channel: httpx.AsyncClient
    channel_key: RSAPrivateKey
    provider_id: UUID
    company: Company
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.company.provider_id = self.provider_id

    async def bill(
        self, person_id: UUID, amount_fen: int = 4140, *, account: int = 0, provider_id: UUID | None = None
    ) -> UUID:
        """A due bill on an account of the company, to which this person is bound."""
        number = account_number(SEED, account)
        provider = provider_id or self.provider_id
        bill = Bill(
            id=new_id(),
            provider_id=provider,
            bill_number=f"B-{next(self._numbers):06}",
            account_number=number,
            period=date(2026, 9, 1),
            usage=12,
            amount_fen=amount_fen,
            due_date=date(2026, 10, 20),
            bill_file_id=new_id(),
        )
        binding = AccountBinding(
            binding_id=new_id(), person_id=person_id, provider_id=provider, account_number=number, role="owner"
        )
        async with self.database.transaction() as tx:
            tx.add_all([bill, binding])
        return bill.id

    async def create(self, person_id: UUID, *bill_ids: UUID) -> Answer:
        body = {"bill_ids": [str(bill_id) for bill_id in bill_ids], "channel": "sandbox"}
        return await self.api.post("/payments/v1/payments", json=body, headers=self.tokens.resident(person_id) | once())

    async def created(self, person_id: UUID, *bill_ids: UUID) -> str:
        """Create a payment of these bills, or of a new one; returns its id."""
        answer = await self.create(person_id, *(bill_ids or [await self.bill(person_id)]))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["payment_id"])

    async def confirm(self, person_id: UUID, payment_id: str) -> Answer:
        return await self.act(person_id, payment_id, "confirm")

    async def act(self, person_id: UUID, payment_id: str, verb: str) -> Answer:
        return await self.api.post(
            f"/payments/v1/payments/{payment_id}/{verb}", headers=self.tokens.resident(person_id)
        )

    async def confirmed(self, person_id: UUID, *bill_ids: UUID) -> str:
        """Create and confirm a payment, pending at the channel; returns its id."""
        payment_id = await self.created(person_id, *bill_ids)
        answer = await self.confirm(person_id, payment_id)
        assert (answer.status_code, answer.json()["status"]) == (200, "pending"), answer.text
        return payment_id

    async def pay(self, payment_id: str) -> dict[str, Any]:
        """Pay at the channel's cashier, as the resident's wallet does."""
        answer = await self.channel.post(
            f"/cashier/{await self.order_number(payment_id)}", json={"account": "wallet-1"}
        )
        assert answer.status_code == 200, answer.text
        paid: dict[str, Any] = answer.json()
        return paid

    async def captured(self, person_id: UUID, *bill_ids: UUID) -> str:
        """Create, confirm, pay and capture a payment; returns its id."""
        payment_id = await self.confirmed(person_id, *bill_ids)
        answer = await self.notify(self.notice_of(await self.pay(payment_id)))
        assert answer.status_code == 204, answer.text
        return payment_id

    async def get(self, person_id: UUID, payment_id: str, part: str = "") -> Answer:
        return await self.api.get(f"/payments/v1/payments/{payment_id}{part}", headers=self.tokens.resident(person_id))

    async def status(self, person_id: UUID, payment_id: str) -> str:
        return str((await self.get(person_id, payment_id)).json()["status"])

    async def order_number(self, payment_id: str) -> str:
        async with self.database.read() as tx:
            found = select(Attempt.order_number).where(Attempt.payment_id == UUID(payment_id))
            return (await tx.scalars(found)).one()

    def notice_of(self, paid: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """The channel's notice of a paid order."""
        names = ("merchant_id", "order_number", "transaction_id", "amount_fen", "currency", "paid_at")
        notice = {"notice_id": str(new_id()), "event": "payment.succeeded", **{name: paid[name] for name in names}}
        return {**notice, **changes}

    def signed(self, notice: dict[str, Any], url: str = "") -> tuple[bytes, dict[str, str]]:
        raw, url = json.dumps(notice).encode(), url or self.settings.notice_url
        return raw, sign_request(self.channel_key, self.settings.merchant_id, "POST", url, raw)

    async def notify(self, notice: dict[str, Any]) -> Answer:
        """Send a notice signed by the channel's key."""
        raw, headers = self.signed(notice)
        return await self.api.post(NOTICES, content=raw, headers=headers)

    async def faults(self, **faults: float) -> None:
        (await self.channel.post("/faults", json=faults)).raise_for_status()

    @contextlib.asynccontextmanager
    async def orders(self, **settings: Any) -> AsyncIterator[Orders]:  # noqa: ANN401 - fields of Settings
        """The worker's part that polls the channel."""
        changed = self.settings.model_copy(update=settings)
        async with open_channels(changed) as channels:
            yield Orders(self.database, channels, changed)

    @contextlib.asynccontextmanager
    async def refunds(self, **settings: Any) -> AsyncIterator[Refunds]:  # noqa: ANN401 - fields of Settings
        """The worker's part that makes refunds."""
        changed = self.settings.model_copy(update=settings)
        async with open_channels(changed) as channels:
            yield Refunds(self.database, channels, changed)

    async def deliver_postings(self, seconds: float = 10.0, **settings: Any) -> int:  # noqa: ANN401 - fields of Settings
        """Deliver the postings due at the company once; the next retry is a minute away."""
        once_a_minute = {"provider_timeout_seconds": seconds, "posting_retry_seconds": (60.0,), **settings}
        async with outside_client() as client:
            delivery = Delivery(self.database, self.settings.model_copy(update=once_a_minute))
            return await delivery.deliver_due(self.provider_id, client)

    async def events(self) -> list[Emitted]:
        async with self.database.read() as tx:
            return list(await emitted(tx))

    async def trail(self, payment_id: str) -> list[str]:
        """The events of a payment, in order: created, pending, ..."""
        return [event.type.split(".")[-2] for event in await self.events() if event.key == payment_id]

    async def incidents(self) -> list[str]:
        async with self.database.read() as tx:
            return list(await tx.scalars(select(Incident.kind).order_by(Incident.id)))

    async def bill_status(self, bill_id: UUID) -> str:
        async with self.database.read() as tx:
            return (await tx.scalars(select(Bill.status).where(Bill.id == bill_id))).one()

    async def trial_balance(self) -> dict[str, Any]:
        answer = await self.api.get("/payments/v1/ledger/trial-balance", headers=self.tokens.staff("auditor"))
        assert answer.status_code == 200, answer.text
        balance: dict[str, Any] = answer.json()
        return balance


@contextlib.asynccontextmanager
async def run_in_background(*works: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Runs parts of the worker until the block ends."""
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
