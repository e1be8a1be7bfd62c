"""E-invoices against the sandbox issuer: one per payment despite lost answers, reversed by a refund."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from sqlalchemy import select, text, update

from chassis.db import Database, new_id, now
from chassis.http_client import outside_client
from chassis.inbox import Received
from chassis.testing import Tokens, client_of, emitted, once
from kit.signatures.keys import load_private_key
from svc_payments.app import create_app
from svc_payments.collection.payments.models import Payment, PaymentStatus
from svc_payments.documents.e_invoices.consumers import HANDLERS
from svc_payments.documents.e_invoices.models import EInvoice
from svc_payments.documents.e_invoices.provider import ISSUER, Absent, HttpInvoiceIssuer, InvoiceOrder, Unclear
from svc_payments.documents.e_invoices.worker import issue_due
from svc_payments.settings import Settings
from tests.deploy.sandboxes.processes import Sandbox
from tests.svc_payments import past
from tests.svc_payments.conftest import public_pem

E_INVOICES = "/payments/v1/e-invoices"
PERSONAL = {"kind": "personal", "name": "测试居民"}
USCC, WRONG_USCC, UNREGISTERED = "91650000MA0000001N", "91650000MA0000001P", "916540000000000002"


@pytest.fixture(scope="module")
def invoicing(rsa_keys: dict[str, RSAPrivateKey], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = {"MYILI_MERCHANT_PUBLIC_KEY": public_pem(rsa_keys["merchant_key"])}
    sandbox = Sandbox("invoicing", tmp_path_factory.mktemp("invoicing"), keys)
    with sandbox.running():
        yield sandbox.url


@dataclass
class Invoicing:
    """A payer, the API, the worker and the issuer."""

    database: Database
    settings: Settings
    api: httpx.AsyncClient
    issuer: httpx.AsyncClient
    tokens: Tokens
    provider_id: UUID
    person_id: UUID

    async def payment(self, **fields: Any) -> UUID:  # noqa: ANN401 - columns
        return await past.add_payment(self.database, self.person_id, self.provider_id, past.china(2026, 5, 1), **fields)

    async def post(self, payment_id: UUID, title: dict[str, str] = PERSONAL, **fields: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        body = {"payment_id": str(payment_id), "title": title, **fields}
        return await self.api.post(E_INVOICES, json=body, headers=self.tokens.resident(self.person_id) | once())

    async def request(self, payment_id: UUID, **fields: Any) -> str:  # noqa: ANN401 - JSON
        answer = await self.post(payment_id, **fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["e_invoice_id"])

    async def show(self, e_invoice_id: str) -> dict[str, Any]:
        answer = await self.api.get(f"{E_INVOICES}/{e_invoice_id}", headers=self.tokens.resident(self.person_id))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def work(self) -> None:
        """Run the worker without backoff."""
        async with self.database.transaction() as tx:
            await tx.execute(update(EInvoice).values(try_at=EInvoice.created_at))
        await issue_due(self.database, self.settings)

    async def refund(self, payment_id: UUID, amount_fen: int) -> None:
        async with self.database.transaction() as tx:
            payment = (await tx.scalars(select(Payment).where(Payment.id == payment_id).with_for_update())).one()
            payment.refunded_fen += amount_fen
            (handler,) = HANDLERS
            data = handler.data.model_validate({"payment_id": str(payment_id), "amount_fen": amount_fen})
            await handler.handle(tx, Received(id=new_id(), type=handler.event_type, time=now(), data=data))

    async def faults(self, **faults: float) -> None:
        (await self.issuer.post("/faults", json=faults)).raise_for_status()

    async def trail(self, e_invoice_id: str) -> list[str]:
        async with self.database.read() as tx:
            return [event.type.split(".")[-2] for event in await emitted(tx) if event.key == e_invoice_id]


@pytest_asyncio.fixture
async def here(
    database: Database, settings: Settings, tokens: Tokens, provider_id: UUID, invoicing: str
) -> AsyncIterator[Invoicing]:
    offered = settings.model_copy(update={"invoices_url": invoicing, "invoices_timeout_seconds": 2.0})
    async with client_of(create_app(offered)) as api, outside_client(invoicing) as issuer:
        here = Invoicing(database, offered, api, issuer, tokens, provider_id, new_id())
        yield here
        await here.faults()


async def test_an_invoice_is_issued_and_can_be_fetched(here: Invoicing) -> None:
    e_invoice_id = await here.request(await here.payment(), email="resident@example.com")
    await here.work()
    found = await here.show(e_invoice_id)
    assert (found["status"], found["amount_fen"], found["title"]) == ("issued", 4140, "测试居民")
    assert len(found["invoice_number"]) == 20
    document = await here.issuer.get(found["document_url"])
    assert "测试居民" in document.text
    assert await here.trail(e_invoice_id) == ["requested", "issued"]


async def test_the_same_request_twice_is_one_invoice_and_another_is_refused(here: Invoicing) -> None:
    payment_id = await here.payment()
    body = {"payment_id": str(payment_id), "title": PERSONAL}
    headers = here.tokens.resident(here.person_id) | once()
    first, again = [await here.api.post(E_INVOICES, json=body, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    other = await here.post(payment_id)
    assert (other.status_code, other.json()["code"]) == (409, "e_invoice_exists")
    assert other.json()["e_invoice_id"] == first.json()["e_invoice_id"]


async def test_of_concurrent_requests_one_is_accepted(here: Invoicing) -> None:
    payment_id = await here.payment()
    answers = await asyncio.gather(*(here.post(payment_id) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


@pytest.mark.parametrize("status", [PaymentStatus.POSTING, PaymentStatus.REVERSING, PaymentStatus.EXPIRED])
async def test_only_a_booked_payment_is_invoiced(here: Invoicing, status: PaymentStatus) -> None:
    answer = await here.post(await here.payment(status=status))
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_not_invoiceable")


async def test_a_refunded_amount_is_not_invoiced(here: Invoicing) -> None:
    found = await here.show(await here.request(await here.payment(refunded_fen=1_000)))
    assert found["amount_fen"] == 3_140


async def test_only_own_payments_are_invoiced_and_shown(here: Invoicing) -> None:
    payment_id = await here.payment()
    e_invoice_id = await here.request(payment_id)
    other = here.tokens.resident(new_id())
    body = {"payment_id": str(payment_id), "title": PERSONAL}
    assert (await here.api.post(E_INVOICES, json=body, headers=other | once())).status_code == 404
    assert (await here.api.get(f"{E_INVOICES}/{e_invoice_id}", headers=other)).status_code == 404
    assert (await here.api.get(E_INVOICES, headers=other)).json()["items"] == []
    mine = here.tokens.resident(here.person_id)
    listed = await here.api.get(E_INVOICES, params={"payment_id": str(payment_id)}, headers=mine)
    assert [item["e_invoice_id"] for item in listed.json()["items"]] == [e_invoice_id]


@pytest.mark.parametrize(
    ("title", "email"),
    [
        ({"kind": "organisation", "name": "Sample Company"}, None),
        ({"kind": "organisation", "name": "Sample Company", "uscc": WRONG_USCC}, None),
        ({"kind": "organisation", "name": "Sample Company", "uscc": "no"}, None),
        ({"kind": "personal", "name": " "}, None),
        ({"kind": "personal", "name": "a\u0000b"}, None),
        ({"kind": "club", "name": "x"}, None),
        (PERSONAL, "nobody"),
        (PERSONAL, "a@b@c.example"),
        (PERSONAL, "a@example.com\r\nBcc: b@example.com"),
    ],
    ids=["no-code", "wrong-check-character", "short-code", "blank", "nul", "other-kind", "no-at", "two-at", "header"],
)
async def test_invalid_titles_and_addresses_are_refused(
    here: Invoicing, title: dict[str, str], email: str | None
) -> None:
    answer = await here.post(await here.payment(), title, **({"email": email} if email else {}))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert email is None or email not in answer.text


async def test_an_unregistered_organisation_fails_and_another_may_be_requested(here: Invoicing) -> None:
    payment_id = await here.payment()
    failed = await here.request(payment_id, title={"kind": "organisation", "name": "Sample", "uscc": UNREGISTERED})
    await here.work()
    assert (await here.show(failed))["failure"] == "organisation_not_registered"
    right = await here.request(payment_id, title={"kind": "organisation", "name": "Sample", "uscc": USCC.lower()})
    await here.work()
    found = await here.show(right)
    assert (found["status"], found["uscc"]) == ("issued", USCC)


async def test_the_address_is_erased_and_never_published(here: Invoicing) -> None:
    await here.request(await here.payment(), email="resident@example.com")
    await here.work()
    async with here.database.read() as tx:
        assert list(await tx.scalars(text("SELECT email FROM e_invoices"))) == [None]
        events = str(await emitted(tx))
    assert "resident@example.com" not in events
    assert "测试居民" not in events


async def test_a_lost_answer_leaves_one_invoice_under_the_same_number(here: Invoicing) -> None:
    e_invoice_id = await here.request(await here.payment())
    await here.faults(lost_answers=1)
    await here.work()
    assert (await here.show(e_invoice_id))["status"] == "unknown"
    await here.faults(still_processing=1)
    await here.work()
    assert (await here.show(e_invoice_id))["status"] == "unknown"
    await here.work()
    assert (await here.show(e_invoice_id))["status"] == "issued"
    assert await here.trail(e_invoice_id) == ["requested", "issued"]


async def test_an_unavailable_issuer_is_retried(here: Invoicing) -> None:
    e_invoice_id = await here.request(await here.payment())
    await here.faults(unavailable=1)
    await here.work()
    assert (await here.show(e_invoice_id))["status"] == "unknown"
    await here.work()
    assert (await here.show(e_invoice_id))["status"] == "issued"


async def test_an_unreachable_issuer_leaves_the_request_open(here: Invoicing) -> None:
    e_invoice_id = await here.request(await here.payment())
    away = here.settings.model_copy(update={"invoices_url": "http://127.0.0.1:1"})
    await issue_due(here.database, away)
    assert (await here.show(e_invoice_id))["status"] == "requested"


async def test_two_workers_at_once_issue_once(here: Invoicing) -> None:
    e_invoice_id = await here.request(await here.payment())
    await asyncio.gather(*(issue_due(here.database, here.settings) for _ in range(4)))
    assert await here.trail(e_invoice_id) == ["requested", "issued"]


async def test_a_refund_reverses_the_invoice_and_the_rest_can_be_invoiced(here: Invoicing) -> None:
    payment_id = await here.payment()
    e_invoice_id = await here.request(payment_id)
    await here.work()
    await here.refund(payment_id, 1_000)
    assert (await here.show(e_invoice_id))["status"] == "reversing"
    assert (await here.post(payment_id)).json()["code"] == "e_invoice_exists"
    await here.faults(lost_answers=1)
    await here.work()
    assert (await here.show(e_invoice_id))["status"] == "reversing"
    await here.work()
    reversed_ = await here.show(e_invoice_id)
    assert (reversed_["status"], len(reversed_["red_invoice_number"])) == ("red_lettered", 20)
    assert await here.trail(e_invoice_id) == ["requested", "issued", "red_lettered"]
    rest = await here.request(payment_id)
    assert (await here.show(rest))["amount_fen"] == 3_140


async def test_a_refund_before_issuing_ends_the_request(here: Invoicing) -> None:
    payment_id = await here.payment()
    e_invoice_id = await here.request(payment_id)
    await here.refund(payment_id, 4_140)
    await here.work()
    found = await here.show(e_invoice_id)
    assert (found["status"], found["failure"]) == ("failed", "payment_refunded")
    assert (await here.post(payment_id)).json()["code"] == "payment_not_invoiceable"


async def test_a_refund_during_issuing_reverses_the_invoice_afterwards(here: Invoicing) -> None:
    payment_id = await here.payment()
    e_invoice_id = await here.request(payment_id)
    await here.faults(lost_answers=1)
    await here.work()
    await here.refund(payment_id, 1_000)
    assert (await here.show(e_invoice_id))["status"] == "unknown"
    await here.work()
    await here.work()
    assert await here.trail(e_invoice_id) == ["requested", "issued", "red_lettered"]


async def test_without_an_issuer_none_is_offered(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    person = new_id()
    payment_id = await past.add_payment(database, person, provider_id, past.china(2026, 5, 1))
    body = {"payment_id": str(payment_id), "title": PERSONAL}
    answer = await api.post(E_INVOICES, json=body, headers=tokens.resident(person) | once())
    assert (answer.status_code, answer.json()["code"]) == (409, "e_invoices_not_offered")


async def test_the_issuer_accepts_our_key_only_and_one_content_per_number(here: Invoicing, invoicing: str) -> None:
    ours = here.settings.merchant_key.get_secret_value()
    order = InvoiceOrder(new_id().hex, here.provider_id, "Sample", 100, "personal", "测试居民", None, None)
    async with outside_client() as client:
        stranger = HttpInvoiceIssuer(
            client, invoicing, ISSUER, generate_private_key(65537, 2048), 2.0, only_public=False
        )
        assert await stranger.issue(order) == Unclear("status_401")
        known = HttpInvoiceIssuer(client, invoicing, ISSUER, load_private_key(ours), 2.0, only_public=False)
        assert await known.query(order.number) == Absent()
        await known.issue(order)
        changed = InvoiceOrder(order.number, here.provider_id, "Sample", 200, "personal", "测试居民", None, None)
        assert await known.issue(changed) == Unclear("status_409")
