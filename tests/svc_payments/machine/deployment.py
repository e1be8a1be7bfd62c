"""The real service and the stateful doubles of the outside systems, in one process.

The channel sends no notices by itself: the machine delivers them from its file, in any order, repeatedly or never.
"""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from fastapi import FastAPI
from sqlalchemy import URL, select, text

from chassis.db import Database, new_id, now
from chassis.http_client import outside_client
from chassis.testing import Tokens, once
from contracts.reference_provider.books import Books
from contracts.reference_provider.platform_keys import PlatformKeys
from contracts.reference_provider.roster import account_number
from deploy.local.programs import free_port
from deploy.local.sandboxes.payment_channel import create_app as create_channel_app
from kit.environment import environment
from svc_payments.app import create_app
from svc_payments.channels.registry import open_channels
from svc_payments.collection.notifications.batches import open_batches
from svc_payments.ledger.models import Account
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.providers.models import Provider
from svc_payments.settings import Settings
from tests.appointments import appointing
from tests.databases import cloned
from tests.service_settings import settings_at
from tests.svc_payments.billing.terms.agreement import put_in_force
from tests.svc_payments.conftest import private_pem, public_pem
from tests.svc_payments.machine.wire import Wire
from tests.svc_payments.served import served
from tests.svc_payments.world import ACCOUNTS, SEED, Company, LostAnswers, World

OPEN_ACCOUNTS = (account_number(SEED, 0), account_number(SEED, 1))
REFUSED_ACCOUNT = account_number(SEED, ACCOUNTS + 300)
"""The company does not know this account and refuses its postings."""
LEAST_PART_FEN = 100
PATIENCE_SECONDS = 60.0
"""Long enough that only the wire loses answers, never a slow computer."""
LATER = (3_600.0,)
"""A backoff long enough that only the machine triggers retries."""
_numbers = itertools.count(1)


@dataclass
class Deployment:
    """What the whole test shares; each story has its own database, people and merchant."""

    template: URL
    tokens: Tokens
    keys: dict[str, RSAPrivateKey]
    folder: Path
    app: FastAPI
    settings: Settings
    api: httpx.AsyncClient
    channel: httpx.AsyncClient
    company: Company
    to_channel: Wire
    to_company: Wire

    @property
    def channel_file(self) -> Any:  # noqa: ANN401 - the stand-in's SQLite connection
        return self.to_channel.app.state.db  # type: ignore[attr-defined]

    @contextlib.asynccontextmanager
    async def story(self) -> AsyncIterator["Story"]:
        async with cloned(self.template) as url, contextlib.AsyncExitStack() as stack:
            database = Database(url)
            stack.push_async_callback(database.close)
            merchant = f"m-{new_id().hex}"
            settings = self.settings.model_copy(update={"merchant_id": merchant})
            channels = await stack.enter_async_context(open_channels(settings))
            state = self.app.state
            state.database, state.settings, state.channels = database, settings, channels
            state.notice_batches = await stack.enter_async_context(open_batches(database))
            key = self.keys["channel_key"]
            self.api.event_hooks = {"request": [appointing(database)]}
            world = World(settings, database, self.tokens, self.api, self.channel, key, new_id(), self.company)
            story = Story(self, world)
            await story.begin()
            yield story


@contextlib.asynccontextmanager
async def open_deployment(
    template: URL, tokens: Tokens, keys: dict[str, RSAPrivateKey], folder: Path
) -> AsyncIterator[Deployment]:
    api_port, channel_port, company_port = free_port(), free_port(), free_port()
    channel_url = f"http://127.0.0.1:{channel_port}"
    secrets = {
        "sandbox_state": str(folder / "channel"),
        "channel_url": channel_url,
        "channel_private_key": private_pem(keys["channel_key"]),
        "merchant_public_key": public_pem(keys["merchant_key"]),
    }
    with environment(**secrets):
        to_channel = Wire(create_channel_app())
    settings = settings_at(
        Settings,
        template,
        tokens,
        channel_url=channel_url,
        channel_public_key=public_pem(keys["channel_key"]),
        merchant_key=private_pem(keys["merchant_key"]),
        provider_signing_key=private_pem(keys["provider_signing_key"]),
        provider_endpoints="any",
        ledger_anchors=(folder / "anchors").as_uri(),
        ask_again_seconds=LATER,
        posting_retry_seconds=LATER,
        midnight_seconds=0.001,
        channel_timeout_seconds=PATIENCE_SECONDS,
    )
    company = _company(folder, company_port, api_port)
    to_company = Wire(company.server)
    company.app = LostAnswers(to_company)
    app = create_app(settings)
    async with (
        served(app, api_port),
        served(to_channel, channel_port),
        company.open(),
        outside_client(f"http://127.0.0.1:{api_port}") as api,
        outside_client(channel_url) as channel,
    ):
        yield Deployment(template, tokens, keys, folder, app, settings, api, channel, company, to_channel, to_company)


def _company(folder: Path, port: int, api_port: int) -> Company:
    books = Books(folder / "books.sqlite3")
    books.fill_roster(SEED, ACCOUNTS)
    keys = PlatformKeys([f"http://127.0.0.1:{api_port}/payments/v1/signing-keys"], cooldown=0)
    return Company(books, keys, port)


@dataclass
class Story:
    """One run of the machine: two people bound to the same accounts of one provider."""

    deployment: Deployment
    world: World
    people: Sequence[UUID] = field(default_factory=lambda: (new_id(), new_id()))
    operators: Sequence[UUID] = field(default_factory=lambda: (new_id(), new_id()))

    def __post_init__(self) -> None:
        self._viewers = itertools.cycle(self.people)

    @property
    def provider(self) -> dict[str, str]:
        return self.world.tokens.client(self.world.provider_id, "bills:write")

    def operator(self, number: int) -> dict[str, str]:
        return self.world.tokens.staff("operator", person_id=self.operators[number])

    async def begin(self) -> None:
        provider_id = self.world.provider_id
        provider = Provider(
            provider_id=provider_id,
            kind="water",
            name="Sample Water Company",
            endpoint_url=self.world.company.endpoint_url,
            as_of=now(),
        )
        bindings = [
            AccountBinding(
                binding_id=new_id(), person_id=person, provider_id=provider_id, account_number=account, role="owner"
            )
            for person in self.people
            for account in (*OPEN_ACCOUNTS, REFUSED_ACCOUNT)
        ]
        async with self.world.database.transaction() as tx:
            tx.add_all([provider, *bindings])
        parts = {"partial_payment": {"least_fen": LEAST_PART_FEN}}
        await put_in_force(self.world.api, self.world.tokens, provider_id, parts)

    async def post(self, path: str, headers: dict[str, str], body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.world.api.post(f"/payments/v1{path}", json=body, headers=headers | once())

    async def execute(self, statement: str, **values: object) -> None:
        async with self.world.database.transaction() as tx:
            await tx.execute(text(statement), values)

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.world.database.read() as tx:
            return [tuple(row) for row in await tx.execute(text(statement))]

    def next_person(self) -> UUID:
        return next(self._viewers)

    async def view_of(
        self, person: UUID
    ) -> tuple[dict[str, tuple[Any, ...]], dict[str, tuple[Any, ...]], "Counter[tuple[Any, ...]]"]:
        """The shared bills, and a person's own payments and refunds, as the API shows them."""
        headers = self.world.tokens.resident(person)
        paths = ("bills?limit=100", "bills?limit=100&withdrawn=true", "payments?limit=100", "refunds?limit=100")
        pages = await asyncio.gather(*(self.world.api.get(f"/payments/v1/{path}", headers=headers) for path in paths))
        bills, gone, payments, refunds = (page.json()["items"] for page in pages)
        return (
            {
                each["bill_id"]: (each["withdrawn"] or each["status"], each["amount_fen"], each["paid_fen"])
                for each in (*bills, *gone)
            },
            {
                each["payment_id"]: (each["status"], each["held"], each["amount_fen"], each["refunded_fen"])
                for each in payments
            },
            Counter((each["payment_id"], each["bill_id"], each["amount_fen"], each["status"]) for each in refunds),
        )

    async def breaches(self, rules: Mapping[str, str]) -> dict[str, list[Any]]:
        async with self.world.database.read() as tx:
            found = {rule: [tuple(row) for row in await tx.execute(text(query))] for rule, query in rules.items()}
        return {rule: rows for rule, rows in found.items() if rows}

    async def books(self) -> dict[str, int]:
        """The non-zero balances, debits less credits, under the model's account names."""
        async with self.world.database.read() as tx:
            accounts = (await tx.scalars(select(Account))).all()
        names = {"channel_receivable": "receivable", "provider_payable": "payable"}
        return {
            each.holder if each.kind == "person_clearing" else names.get(each.kind, each.kind): fen
            for each in accounts
            if (fen := each.debit_fen - each.credit_fen)
        }

    def notices(self, order_number: str) -> list[bytes]:
        """The bodies of the channel's payment notices of an order, oldest first."""
        query = "SELECT body FROM notices WHERE order_number = ? ORDER BY rowid"
        found = [row["body"] for row in self.deployment.channel_file.execute(query, (order_number,))]
        return [body for body in found if b"payment.succeeded" in body]

    def pushed(self, account: str, fen: int) -> dict[str, Any]:
        """A new bill as its provider pushes it."""
        return {
            "bill_number": f"M-{next(_numbers):08}",
            "account_number": account,
            "period": f"{date(2026, 9, 1):%Y-%m}",
            "usage": "12",
            "amount_fen": fen,
            "due_date": "2026-10-25",
        }
