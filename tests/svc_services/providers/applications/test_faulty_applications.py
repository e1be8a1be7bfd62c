"""Applications and decisions that are refused, each by its fault."""

from typing import Any

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from tests.svc_services.companies import APPLICATIONS, application, apply, public_key, uscc
from tests.svc_services.providers.applications.test_applications import applications_in, decide


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"uscc": "91654002000001001" + "0"}, 422, "bad_uscc"),
        ({"uscc": "916540020000010"}, 422, "bad_uscc"),
        ({"uscc": uscc(120000)}, 422, "legal_entity_not_on_record"),
        ({"uscc": uscc(129999)}, 422, "legal_entity_revoked"),
        ({"division_codes": ["654002", "650100"]}, 422, "unknown_division"),
        ({"division_codes": []}, 422, "invalid_request"),
        ({"division_codes": ["65400２"]}, 422, "invalid_request"),
        ({"kind": "broadband"}, 422, "invalid_request"),
        ({"kind": None}, 422, "invalid_request"),
        ({"name": "  "}, 422, "invalid_request"),
        ({"name": "Sample\u0000Company"}, 422, "invalid_request"),
        ({"name": "x" * 201}, 422, "invalid_request"),
        ({"jwks": {"keys": []}}, 422, "bad_key_set"),
        ({"jwks": {"keys": [public_key("same"), public_key("same")]}}, 422, "bad_key_set"),
        ({"jwks": "keys"}, 422, "invalid_request"),
        ({"endpoint_url": "gopher://127.0.0.1"}, 422, "endpoint_url_refused"),
        ({"endpoint_url": "http://user:secret@127.0.0.1/"}, 422, "endpoint_url_refused"),
        ({"contact_phone": "call me"}, 422, "invalid_request"),
        ({"status": "approved"}, 422, "invalid_request"),
    ],
)
async def test_a_faulty_application_is_refused_by_its_fault(
    api: httpx.AsyncClient, database: Database, changes: dict[str, Any], status: int, code: str
) -> None:
    before = len(await applications_in(database))
    answer = await api.post(APPLICATIONS, json=application(**changes), headers=once())
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "secret" not in answer.text
    assert len(await applications_in(database)) == before


async def test_every_unknown_division_is_named(api: httpx.AsyncClient) -> None:
    body = application(division_codes=["650100", "654002", "110000"])
    answer = await api.post(APPLICATIONS, json=body, headers=once())
    assert answer.json()["division_codes"] == ["110000", "650100"]


async def test_an_application_without_an_idempotency_key_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post(APPLICATIONS, json=application())
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_a_very_long_application_is_refused_unread(api: httpx.AsyncClient) -> None:
    answer = await api.post(APPLICATIONS, json=application(name="x" * 70_000), headers=once())
    assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")


@pytest.mark.parametrize("decision", ["approve", "refuse"])
async def test_an_unknown_application_cannot_be_decided(api: httpx.AsyncClient, tokens: Tokens, decision: str) -> None:
    headers = tokens.staff("operator") | once()
    answer = await api.post(decide(decision, str(new_id())), json={"reason": "why not"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("reason", [None, "", " \t", "x" * 501])
async def test_a_refusal_gives_its_reason(api: httpx.AsyncClient, tokens: Tokens, reason: str | None) -> None:
    filed = await apply(api)
    headers = tokens.staff("operator") | once()
    answer = await api.post(decide("refuse", filed["application_id"]), json={"reason": reason}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
