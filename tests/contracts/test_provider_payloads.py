"""What the platform sends to companies and reads of their answers is what the webhooks of the contract say."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from pydantic import BaseModel, SecretStr

from chassis.db import new_id, now
from chassis.http_client import outside_client
from contracts.provider_calls import CALLS
from deploy.local.programs import LOOPBACK, free_port
from kit.calendar import today
from kit.deliveries import Receipt
from kit.endpoint_urls import Endpoints
from svc_payments.billing.inquiries import provider as inquiries
from svc_payments.collection.postings import provider as postings
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.top_ups import provider as top_ups
from svc_payments.collection.top_ups.models import TopUpValidation
from svc_payments.parties.providers.live_query import Questions
from svc_payments.parties.providers.models import Provider
from svc_payments.settings import Settings
from svc_services.accounts.bindings import provider as bindings
from svc_services.providers.deliveries.leasing import Try
from svc_services.providers.deliveries.models import Delivery, DeliveryKind
from svc_services.providers.deliveries.provider import HttpReceiver
from tests.svc_payments.scripted import NUMBER, Scripted, named_bill
from tests.svc_payments.served import served

KEY = generate_private_key(65537, 2048)
PROVIDER_ID = new_id()
BOOKED = {"result": "booked", "provider_reference": "R-1"}


def webhook(name: str) -> dict[str, Any]:
    call: dict[str, Any]
    (call,) = next(calls[name] for calls in CALLS.values() if name in calls).values()
    return call


def answer_of(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = webhook(name)["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


class Asking:
    """The platform's own calls to a company whose answers the test writes."""

    def __init__(self, company: Scripted, url: str) -> None:
        self.company, self.url = company, url

    async def account_verification(self) -> object:
        question = bindings.Question(new_id(), new_id(), PROVIDER_ID, self.url, NUMBER, SecretStr("张三"), today())
        outcome = (await bindings.HttpAccountVerifier(KEY, Endpoints(anywhere=True)).ask(question)).outcome
        return None if outcome is bindings.Outcome.NO_ANSWER else outcome

    async def delivery(self) -> object:
        told = Delivery(
            id=new_id(),
            provider_id=PROVIDER_ID,
            kind=DeliveryKind.APPLICATION_MOVED,
            subject_id=new_id(),
            occurred_at=now(),
            details={"action": "withdraw", "actor": "citizen", "state": "withdrawn", "version": 3, "ended": True},
        )
        receiver = HttpReceiver(KEY, Endpoints(anywhere=True), 10)
        async with outside_client() as client:
            outcome = await receiver.deliver(client, Try(told, 1, self.url, is_probe=False))
        return None if outcome.fault else outcome

    async def bill_inquiry(self) -> object:
        return await inquiries.inquire(self._questions, self._provider, new_id(), NUMBER, today().replace(day=1))

    async def top_up_validation(self) -> object:
        validation = TopUpValidation(
            id=new_id(), person_id=new_id(), provider_id=PROVIDER_ID, account_number=NUMBER, amount_fen=5000
        )
        return await top_ups.validate(self._questions, self._provider, validation)

    async def posting(self) -> object:
        return await self._booking("book")

    async def posting_query(self) -> object:
        return await self._booking("query")

    async def posting_cancellation(self) -> object:
        return await self._booking("cancel")

    async def _booking(self, what: str) -> object:
        posting = Posting(
            id=new_id(),
            provider_id=PROVIDER_ID,
            payment_id=new_id(),
            receipt_number="202610010000000001",
            bill_number="B-1",
            # Of all kinds, this one has all members: its account number is its application.
            account_number=str(new_id()),
            amount_fen=4140,
            paid_at=now(),
            kind="application_fee",
            late_fee_fen=0,
            bill_amount_fen=4140,
        )
        async with outside_client() as client:
            books = postings.HttpProviderBooks(client, self.url, str(PROVIDER_ID), KEY, 10, only_public=False)
            outcome = await getattr(books, what)(posting)
        return None if isinstance(outcome, postings.Unclear | postings.NotHeard) else outcome

    @property
    def _questions(self) -> Questions:
        return Questions(KEY, Settings.model_construct(provider_timeout_seconds=10, provider_endpoints="any"))

    @property
    def _provider(self) -> Provider:
        return Provider(provider_id=PROVIDER_ID, endpoint_url=self.url)


@contextlib.asynccontextmanager
async def asking() -> AsyncIterator[Asking]:
    port, company = free_port(), Scripted()
    async with served(company, port):
        yield Asking(company, f"http://{LOOPBACK}:{port}")


BILL = named_bill(meter_from="99990", meter_to="2.5", meter_digits=5)
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "account-verification": [{"result": each} for each in ("match", "no_match", "no_account")]
    + [{"result": "match", "premises": {"division_code": "654002", "address": "解放西路12号"}}],
    "delivery": [{"result": "received"}],
    "bill-inquiry": [{"result": "due", "bills": [named_bill(), {**BILL, "bill_number": "Q-2"}]}]
    + [
        {"result": each} for each in ("nothing_due", "no_account", "closed", "not_payable_online", "payment_unfinished")
    ],
    "top-up-validation": [
        {"result": "above_purchasable", "most_fen": 0},
        {"result": "above_purchasable", "most_fen": 3},
    ]
    + [{"result": each} for each in ("accepted", "not_purchasable", "no_account", "closed", "not_payable_online")]
    + [{"result": "payment_unfinished"}],
    "posting": [
        BOOKED,
        {**BOOKED, "prepaid": {"kind": "token", "token": "1234 5678"}},
        {**BOOKED, "prepaid": {"kind": "write_card", "state": "to_write"}},
        {"result": "refused", "reason": "no_account"},
    ],
    "posting-query": [BOOKED, {"result": "refused", "reason": "no_account"}, {"result": "not_found"}],
    "posting-cancellation": [{"result": "cancelled"}, BOOKED],
}


@pytest.mark.parametrize("name", [name for calls in CALLS.values() for name in calls])
async def test_a_call_is_sent_as_its_webhook_says_and_every_answer_of_it_is_read(name: str) -> None:
    body = webhook(name).get("requestBody")
    async with asking() as platform:
        for answer in ANSWERS[name]:
            jsonschema_rs.validate(closed(answer_of(name)), answer)
            platform.company.answer = answer
            assert await getattr(platform, name.replace("-", "_"))() is not None, answer
        sent = {name: value for name, value in platform.company.requests[-1].items() if name != "path"}
    if body is None:
        assert sent == {}
    else:
        schema = body["content"]["application/json"]["schema"]
        jsonschema_rs.validate(closed(schema), sent)
        assert sent.keys() == schema["properties"].keys()
    said = {answer["result"] for answer in ANSWERS[name]}
    assert said == set(answer_of(name)["properties"]["result"]["enum"])


READERS: dict[str, tuple[type[BaseModel], set[str]]] = {
    "account-verification": (bindings._Answer, set()),  # noqa: SLF001 - the readers are nobody else's
    "delivery": (Receipt, set()),
    "bill-inquiry": (inquiries._Answer, set()),  # noqa: SLF001
    "top-up-validation": (top_ups.Answer, set()),
    "posting": (postings._Answer, set()),  # noqa: SLF001
    "posting-query": (postings._Answer, set()),  # noqa: SLF001
    "posting-cancellation": (postings._Answer, {"reason", *(f"prepaid.{each}" for each in ("kind", "token", "state"))}),  # noqa: SLF001
}
"""What reads each answer, with the members that are other answers' of the same reader."""


@pytest.mark.parametrize("name", READERS)
def test_what_is_read_of_an_answer_is_what_its_webhook_describes(name: str) -> None:
    reader, of_others = READERS[name]
    schema = reader.model_json_schema()
    assert members(schema, schema.get("$defs", {})) - of_others == members(answer_of(name), {})


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that takes no member that it does not name, at any depth."""
    inner = {name: closed(each) for name, each in schema.get("properties", {}).items()}
    shut = {**schema, "properties": inner, "additionalProperties": False} if inner else dict(schema)
    return {**shut, "items": closed(schema["items"])} if "items" in schema else shut


def members(schema: dict[str, Any], definitions: dict[str, Any], place: str = "") -> set[str]:
    """The paths of the members that a schema has, without those that only hold others."""
    if "$ref" in schema:
        return members(definitions[schema["$ref"].rpartition("/")[2]], definitions, place)
    if "properties" in schema:
        inner = schema["properties"].items()
        return {path for name, each in inner for path in members(each, definitions, f"{place}.{name}".lstrip("."))}
    if "items" in schema:
        return members(schema["items"], definitions, place)
    nested = [members(each, definitions, place) for each in schema.get("anyOf", ())]
    return max(nested, key=len) if nested else {place}
