"""A company applies, an operator decides, the company reads the outcome."""

import asyncio
import json
from uuid import UUID

import httpx
from fastapi import FastAPI
from joserfc.jwk import ECKey
from sqlalchemy import select, text

from chassis.db import Database, new_id
from chassis.testing import Tokens, client_of, emitted, once
from kit.endpoint_urls import Endpoints
from svc_services.providers.applications.models import Provider, ProviderApplication
from tests.deploy.sandboxes.processes import Sandbox
from tests.svc_services.companies import APPLICATIONS, application, apply, approved, uscc


def decide(decision: str, application_id: str) -> str:
    return f"{APPLICATIONS}/{application_id}/{decision}"


async def applications_in(database: Database) -> list[ProviderApplication]:
    async with database.read() as tx:
        return list(await tx.scalars(select(ProviderApplication)))


async def everything_in(database: Database) -> str:
    """All tables as text, to search them for secrets."""
    async with database.read() as tx:
        names = await tx.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        tables = [str(await tx.scalar(text(f"SELECT json_agg(t)::text FROM {name} t"))) for name in names]  # noqa: S608
        payloads = [json.dumps(event.data) for event in await emitted(tx)]
    return "\n".join(tables + payloads)


async def test_an_applicant_reads_its_application_with_its_token(api: httpx.AsyncClient) -> None:
    written = uscc()
    filed = await apply(
        api, uscc=f" {written[:9]} {written[9:].lower()}", division_codes=["654021", "654002", "654002"]
    )
    assert (filed["status"], filed["uscc"], filed["provider_id"]) == ("applied", written, None)
    assert filed["division_codes"] == ["654002", "654021"]
    path = f"{APPLICATIONS}/{filed['application_id']}"
    read = await api.get(path, headers={"Application-Token": filed["application_token"]})
    assert read.status_code == 200
    assert read.json() == {name: value for name, value in filed.items() if name != "application_token"}


async def test_the_tables_hold_neither_the_token_nor_the_idempotency_key(
    api: httpx.AsyncClient, database: Database
) -> None:
    company, key = application(), once()
    filed = (await api.post(APPLICATIONS, json=company, headers=key)).json()
    assert len(filed["application_token"]) > 40
    tables = await everything_in(database)
    assert filed["application_id"] in tables
    for secret in (filed["application_token"], key["Idempotency-Key"]):
        assert secret not in tables
    again = await api.post(APPLICATIONS, json=company, headers=key)
    assert again.json()["application_token"] == filed["application_token"]


async def test_two_companies_may_choose_the_same_idempotency_key(api: httpx.AsyncClient) -> None:
    key = once()
    answers = [await api.post(APPLICATIONS, json=application(), headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["application_token"] != answers[1].json()["application_token"]


async def test_another_token_does_not_reveal_the_application(api: httpx.AsyncClient) -> None:
    first, second = await apply(api), await apply(api)
    for application_id in (first["application_id"], new_id()):
        answer = await api.get(
            f"{APPLICATIONS}/{application_id}", headers={"Application-Token": second["application_token"]}
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_operator_approves_and_the_applicant_learns_its_client_id(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    operator_id, filed = new_id(), await apply(api)
    bearer = tokens.staff("operator", person_id=operator_id)
    answer = await api.post(decide("approve", filed["application_id"]), headers=bearer | once())
    assert (answer.status_code, answer.json()["decided_by"]) == (200, str(operator_id))
    path = f"{APPLICATIONS}/{filed['application_id']}"
    read = (await api.get(path, headers={"Application-Token": filed["application_token"]})).json()
    assert read["status"] == "approved"
    assert UUID(read["provider_id"]).version == 7
    async with database.read() as tx:
        (event,) = await emitted(tx)
    assert (event.type, event.key) == ("cn.ili.services.provider.approved.v1", read["provider_id"])
    names = ("provider_id", "kind", "name", "uscc", "division_codes", "endpoint_url", "jwks", "customer_parameters")
    stated = {"approved_by": str(operator_id), "stated_terms": None}
    assert event.data == {name: read[name] for name in names} | stated


async def test_concurrent_approvals_make_one_provider(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    filed = await apply(api)
    path = decide("approve", filed["application_id"])
    answers = await asyncio.gather(*(api.post(path, headers=tokens.staff("operator") | once()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"illegal_move"}
    async with database.read() as tx:
        assert len(list(await tx.scalars(select(Provider)))) == 1
        assert len(await emitted(tx)) == 1


async def test_concurrent_approval_and_refusal_are_decided_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    filed = await apply(api)
    answers = await asyncio.gather(
        api.post(decide("approve", filed["application_id"]), headers=tokens.staff("operator") | once()),
        api.post(
            decide("refuse", filed["application_id"]),
            json={"reason": "two of us"},
            headers=tokens.staff("operator") | once(),
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (kept,) = await applications_in(database)
    async with database.read() as tx:
        assert len(await emitted(tx)) == (kept.status == "approved")


async def test_a_refused_company_reads_why_and_may_apply_again(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company = application()
    filed = (await api.post(APPLICATIONS, json=company, headers=once())).json()
    refused = await api.post(
        decide("refuse", filed["application_id"]),
        json={"reason": "营业执照已过期"},
        headers=tokens.staff("operator") | once(),
    )
    assert (refused.status_code, refused.json()["status"]) == (200, "refused")
    path = f"{APPLICATIONS}/{filed['application_id']}"
    read = (await api.get(path, headers={"Application-Token": filed["application_token"]})).json()
    assert (read["refusal_reason"], read["provider_id"]) == ("营业执照已过期", None)
    assert (await api.post(APPLICATIONS, json=company, headers=once())).status_code == 201


async def test_one_company_has_one_live_application_for_a_kind(api: httpx.AsyncClient, tokens: Tokens) -> None:
    code = uscc()
    await apply(api, uscc=code)
    waiting = await api.post(APPLICATIONS, json=application(uscc=code), headers=once())
    assert (waiting.status_code, waiting.json()["code"]) == (409, "application_exists")
    await approved(api, tokens, uscc=code, kind="heating")
    connected = await api.post(APPLICATIONS, json=application(uscc=code, kind="heating"), headers=once())
    assert (connected.status_code, connected.json()["code"]) == (409, "application_exists")


async def test_concurrent_applications_of_a_company_file_one(api: httpx.AsyncClient, database: Database) -> None:
    code = uscc()
    answers = await asyncio.gather(
        *(api.post(APPLICATIONS, json=application(uscc=code), headers=once()) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await applications_in(database)) == 1


async def test_a_retry_after_a_lost_answer_gets_the_same_token(api: httpx.AsyncClient, database: Database) -> None:
    company, key = application(), once()
    first = await api.post(APPLICATIONS, json=company, headers=key)
    second = await api.post(APPLICATIONS, json=company, headers=key)
    assert (second.status_code, second.headers["idempotency-replayed"]) == (201, "true")
    assert second.json() == first.json()
    assert len(await applications_in(database)) == 1


async def test_a_private_key_is_refused_and_not_stored(api: httpx.AsyncClient, database: Database) -> None:
    private = {**ECKey.generate_key("P-256").as_dict(private=True), "kid": "k1"}
    body = application(jwks={"keys": [private]})
    answer = await api.post(APPLICATIONS, json=body, headers=once() | {"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (422, "private_key_sent")
    assert "it is compromised" in answer.json()["detail"]
    secret = private["d"]
    assert isinstance(secret, str)
    for place in (answer.text, await everything_in(database)):
        assert secret not in place


async def test_without_the_registry_nothing_is_stored_and_the_request_can_be_repeated(
    api: httpx.AsyncClient, database: Database, registry: Sandbox
) -> None:
    company, key = application(), once()
    async with httpx.AsyncClient() as commands:
        (await commands.post(f"{registry.url}/faults", json={"unavailable": 1})).raise_for_status()
    away = await api.post(APPLICATIONS, json=company, headers=key)
    assert (away.status_code, away.json()["code"]) == (503, "registry_unavailable")
    assert int(away.headers["retry-after"]) > 0
    assert await applications_in(database) == []
    assert (await api.post(APPLICATIONS, json=company, headers=key)).status_code == 201


async def test_an_endpoint_in_the_own_network_is_refused(app: FastAPI) -> None:
    async with client_of(app) as api:
        app.state.endpoints = Endpoints(anywhere=False)
        for url in ("https://127.0.0.1/api", "https://localhost/api", "http://example.com/api"):
            answer = await api.post(APPLICATIONS, json=application(endpoint_url=url), headers=once())
            assert (answer.status_code, answer.json()["code"]) == (422, "endpoint_url_refused")


async def test_operators_list_open_applications_newest_first(api: httpx.AsyncClient, tokens: Tokens) -> None:
    operator = tokens.staff("operator")
    filed = [(await apply(api))["application_id"] for _ in range(3)]
    await api.post(decide("approve", filed[1]), headers=operator | once())
    first = (await api.get(APPLICATIONS, params={"limit": 2}, headers=operator)).json()
    rest = (await api.get(APPLICATIONS, params={"cursor": first["next_cursor"]}, headers=operator)).json()
    assert [item["application_id"] for item in first["items"] + rest["items"]] == filed[::-1]
    assert rest["next_cursor"] is None
    waiting = (await api.get(APPLICATIONS, params={"status": "applied"}, headers=operator)).json()["items"]
    assert [item["application_id"] for item in waiting] == [filed[2], filed[0]]
    one = (await api.get(f"{APPLICATIONS}/{filed[0]}", headers=operator)).json()
    assert (one["status"], one["contact_phone"]) == ("applied", "13800000001")


async def test_the_public_sees_connected_companies_and_not_their_endpoints(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    await apply(api)
    water = await approved(api, tokens, division_codes=["654002"])
    heating = await approved(api, tokens, kind="heating", division_codes=["654003"])
    everyone = (await api.get("/services/v1/providers")).json()["items"]
    assert [company["provider_id"] for company in everyone] == [str(water), str(heating)]
    shown = {"provider_id", "name", "uscc", "kind", "division_codes", "suspended", "customer_parameters"}
    assert set(everyone[0]) == shown
    by_kind = (await api.get("/services/v1/providers", params={"kind": "heating"})).json()["items"]
    by_division = (await api.get("/services/v1/providers", params={"division_code": "654002"})).json()["items"]
    assert [company["provider_id"] for company in by_kind] == [str(heating)]
    assert [company["provider_id"] for company in by_division] == [str(water)]
    nowhere = await api.get("/services/v1/providers", params={"division_code": "999999"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "unknown_division")
    one = await api.get(f"/services/v1/providers/{water}")
    again = await api.get(f"/services/v1/providers/{water}", headers={"If-None-Match": one.headers["etag"]})
    assert (one.json(), again.status_code) == (everyone[0], 304)
    assert (await api.get(f"/services/v1/providers/{new_id()}")).status_code == 404
