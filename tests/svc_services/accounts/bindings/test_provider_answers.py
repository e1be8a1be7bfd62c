"""Providers that are down, slow or answer nonsense: the binding stays unknown, and can be retried."""

import asyncio
import gzip
import time
from http.server import BaseHTTPRequestHandler
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from fastapi import FastAPI

from chassis.db import Database
from chassis.testing import Tokens, emitted
from kit.endpoint_urls import Endpoints
from svc_services.accounts.bindings.provider import HttpAccountVerifier
from tests.svc_services.accounts.bindings.conftest import Bind
from tests.svc_services.companies import (
    BINDINGS,
    Answer,
    ProviderSystem,
    ReceivedRequest,
    answer_with,
    answer_with_bytes,
)


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


@pytest.fixture(autouse=True)
def impatient(app: FastAPI, signing_key: RSAPrivateKey) -> None:
    """The real client with a short timeout, so that slow providers do not make slow tests."""
    app.state.account_verifier = HttpAccountVerifier(signing_key, app.state.endpoints, seconds=1.0)


async def status_of_the_only_binding(api: httpx.AsyncClient, tokens: Tokens, person_id: UUID) -> str:
    (item,) = (await api.get(BINDINGS, headers=tokens.resident(person_id))).json()["items"]
    status: str = item["status"]
    return status


async def event_types(database: Database, person_id: UUID) -> list[str]:
    async with database.read() as tx:
        return [event.type for event in await emitted(tx) if event.data.get("person_id") == str(person_id)]


def hangs_up(handler: BaseHTTPRequestHandler, _: ReceivedRequest) -> None:
    handler.close_connection = True


def sleeps(handler: BaseHTTPRequestHandler, request: ReceivedRequest) -> None:
    time.sleep(1.5)
    answer_with("match")(handler, request)


def trickles(handler: BaseHTTPRequestHandler, _: ReceivedRequest) -> None:
    """One byte at a time: each wait is short, their sum exceeds the timeout."""
    handler.send_response(200)
    handler.end_headers()
    for byte in b'{"result": "match"}':
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.2)


def half_a_body(handler: BaseHTTPRequestHandler, _: ReceivedRequest) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"result": "match"}')
    handler.close_connection = True


def redirects(handler: BaseHTTPRequestHandler, _: ReceivedRequest) -> None:
    handler.send_response(307)
    handler.send_header("Location", "/elsewhere")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


ANSWERS: dict[str, Answer] = {
    "hangs up": hangs_up,
    "sleeps": sleeps,
    "trickles": trickles,
    "half a body": half_a_body,
    "redirects": redirects,
    "500": answer_with("match", 500),
    "201": answer_with("match", 201),
    "unknown word": answer_with("maybe"),
    "our own word": answer_with("no_answer"),
    "not JSON": answer_with_bytes(b"match"),
    "no object": answer_with_bytes(b'"match"'),
    "nothing": answer_with_bytes(b""),
    "not UTF-8": answer_with_bytes(b'{"result": "match\xff"}'),
    "twice": answer_with_bytes(b'{"result": "no_match", "result": "match"}'),
    "twice further in": answer_with_bytes(b'{"result": "match", "more": [{"a": 1, "\\u0061": 2}]}'),
    "NaN": answer_with_bytes(b'{"result": "match", "more": NaN}'),
    "deep": answer_with_bytes(b'{"result": "match", "more": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    "endless": answer_with_bytes(b'{"result": "match", "x": "' + b"x" * 100_000 + b'"}'),
    "compressed": answer_with_bytes(gzip.compress(b'{"result": "match"}'), content_encoding="gzip"),
}


@pytest.mark.parametrize("answer", list(ANSWERS))
async def test_an_invalid_answer_leaves_the_binding_unknown_until_a_retry(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    bind: Bind,
    provider_system: ProviderSystem,
    person_id: UUID,
    answer: str,
) -> None:
    provider_system.answer = ANSWERS[answer]
    refused = await bind()
    assert (refused.status_code, refused.json()["code"]) == (502, "provider_unreachable")
    assert await status_of_the_only_binding(api, tokens, person_id) == "unknown"
    assert len(provider_system.requests) == 1
    provider_system.answer = answer_with("match")
    assert (await bind()).status_code == 201
    assert await status_of_the_only_binding(api, tokens, person_id) == "active"
    first, second = (request.json["request_id"] for request in provider_system.requests)
    assert first != second
    assert await event_types(database, person_id) == ["cn.ili.services.account_binding.activated.v1"]


async def test_a_provider_that_is_down_leaves_the_binding_unknown(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, provider_system: ProviderSystem, person_id: UUID
) -> None:
    await asyncio.to_thread(provider_system.stop)
    for _ in range(12):  # more than the limit of refusals: an outage does not count against the resident
        assert (await bind()).json()["code"] == "provider_unreachable"
    assert await status_of_the_only_binding(api, tokens, person_id) == "unknown"


async def test_a_resident_can_end_an_unknown_binding_without_an_event(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    bind: Bind,
    provider_system: ProviderSystem,
    person_id: UUID,
) -> None:
    provider_system.answer = hangs_up
    await bind()
    mine = tokens.resident(person_id)
    (item,) = (await api.get(BINDINGS, headers=mine)).json()["items"]
    assert (await api.delete(f"{BINDINGS}/{item['binding_id']}", headers=mine)).status_code == 204
    assert await status_of_the_only_binding(api, tokens, person_id) == "ended"
    assert await event_types(database, person_id) == []


async def test_a_slow_provider_holds_no_transaction(
    api: httpx.AsyncClient, app: FastAPI, bind: Bind, provider_system: ProviderSystem
) -> None:
    provider_system.answer = sleeps
    waiting = asyncio.create_task(bind())
    await asyncio.to_thread(provider_system.first_request.wait, 20)
    assert app.state.database.engine.pool.checkedout() == 0
    await waiting


async def test_an_endpoint_inside_the_own_network_is_not_called(
    app: FastAPI, bind: Bind, provider_system: ProviderSystem, signing_key: RSAPrivateKey
) -> None:
    app.state.account_verifier = HttpAccountVerifier(signing_key, Endpoints(anywhere=False))
    assert (await bind()).json()["code"] == "provider_unreachable"
    assert provider_system.requests == []
