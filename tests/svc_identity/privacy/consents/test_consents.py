"""Sensitive data needs a consent of its own, and a withdrawal takes effect."""

from typing import Any

import httpx
from sqlalchemy import text

from chassis.db import Database
from chassis.testing import once
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.settings import Settings
from tests.svc_identity.app_client import STAFF_CONSOLE, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_operator, new_phone, proofed
from tests.svc_identity.identities import id_number, proof

ME, CONSENTS = "/identity/v1/me", "/identity/v1/me/consents"
PROOFING = f"{ME}/proofing"


async def of_proofing(api: httpx.AsyncClient, headers: dict[str, str]) -> dict[str, Any]:
    items = (await api.get(CONSENTS, headers=headers)).json()["items"]
    return next(each for each in items if each["activity"] == "identity_proofing")


async def withdraw(api: httpx.AsyncClient, headers: dict[str, str], consent: dict[str, Any]) -> httpx.Response:
    return await api.post(f"{CONSENTS}/{consent['consent_id']}/withdraw", headers=headers | once())


async def test_an_id_number_is_not_processed_without_a_consent_to_the_version_in_force(
    app_client: AppClient, phone: str
) -> None:
    headers = bearer(await app_client.tokens(phone))
    body = {"name": "张三", "id_number": id_number()}
    for version in ({}, {"consent_version": "1999-01-01"}):
        answer = await app_client.api.post(PROOFING, json=body | version, headers=headers | once())
        assert (answer.status_code, answer.json()["code"]) == (409, "consent_required")
        assert (answer.json()["activity"], answer.json()["version"]) == ("identity_proofing", version_in_force())
    given = {"consent_version": version_in_force()}
    sent = headers | once() | {"Accept-Language": "kk-Arab"}
    assert (await app_client.api.post(PROOFING, json=body | given, headers=sent)).status_code == 200
    consent = await of_proofing(app_client.api, headers)
    assert (consent["way"], consent["language"], consent["client_id"]) == ("app", "kk-Arab", "myili-app")
    again = await app_client.api.post(PROOFING, json=body, headers=headers | once())
    assert again.status_code == 200  # it is in force


async def test_a_withdrawal_erases_name_and_number_and_says_what_stops(
    app_client: AppClient, new_app_client: NewAppClient, phone: str, database: Database
) -> None:
    number, headers = id_number(), bearer(await app_client.tokens(phone))
    await app_client.api.post(PROOFING, json=proof(number=number), headers=headers | once())
    answer = await withdraw(app_client.api, headers, await of_proofing(app_client.api, headers))
    assert answer.status_code == 200, answer.text
    assert answer.json()["stops"] == [
        *("account_binding", "bills", "payments", "staff_roles"),
        *("representation", "mandates", "family_accounts", "sign_ins"),
    ]
    assert answer.json()["consent"]["withdrawn_at"]
    assert (await app_client.api.get(ME, headers=headers)).status_code == 401
    headers = bearer(await app_client.tokens(phone))
    me = (await app_client.api.get(ME, headers=headers)).json()
    assert (me["name"], me["assurance_level"]) == (None, 1)
    async with database.read() as tx:
        events = await tx.scalars(
            text("SELECT convert_from(payload, 'UTF8') FROM outbox WHERE key = :id"), {"id": me["person_id"]}
        )
        assert any("person.proofing_revoked" in each for each in events)
    # The number is free for its owner, and needs a new consent here.
    other = await new_app_client().tokens(new_phone())
    taken = await app_client.api.post(PROOFING, json=proof(number=number), headers=bearer(other) | once())
    assert taken.status_code == 200
    refused = await app_client.api.post(
        PROOFING, json={"name": "张三", "id_number": id_number()}, headers=headers | once()
    )
    assert refused.json()["code"] == "consent_required"


async def test_a_withdrawal_is_idempotent_and_the_persons_own(
    app_client: AppClient, new_app_client: NewAppClient, phone: str
) -> None:
    headers = await proofed(app_client, phone)
    consent = await of_proofing(app_client.api, headers)
    stranger = bearer(await new_app_client().tokens(new_phone()))
    assert (await withdraw(app_client.api, stranger, consent)).status_code == 404
    first = (await withdraw(app_client.api, headers, consent)).json()
    anew = bearer(await app_client.tokens(phone))
    assert (await withdraw(app_client.api, anew, consent)).json() == first


async def test_the_consent_of_the_account_ends_with_the_account(app_client: AppClient, phone: str) -> None:
    headers = bearer(await app_client.tokens(phone))
    (consent,) = (await app_client.api.get(CONSENTS, headers=headers)).json()["items"]
    answer = await withdraw(app_client.api, headers, consent)
    assert (answer.status_code, answer.json()["code"]) == (409, "ended_by_closure")


async def test_who_holds_a_role_that_needs_proof_keeps_it_proved(
    settings: Settings, new_app_client: NewAppClient
) -> None:
    client = new_app_client(STAFF_CONSOLE)
    headers = await new_operator(settings, client)
    answer = await withdraw(client.api, headers, await of_proofing(client.api, headers))
    assert (answer.status_code, answer.json()["code"]) == (409, "roles_need_proof")
    assert answer.json()["roles"] == ["operator"]
    assert (await client.api.get(ME, headers=headers)).json()["assurance_level"] == 2
