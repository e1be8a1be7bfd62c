"""The gateway collects a person's data from the services into one file, whole or not at all."""

import contextlib
import json
from typing import Any

import httpx
import jsonschema_rs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from chassis.db import new_id
from chassis.testing import Tokens
from chassis.tokens import TokenExpired, TokenInvalid, TokenMissing
from contracts.documents import FOLDER, in_folder
from gateway.refusals import ServiceAbsent, ServiceBroken
from kit.my_data import AUDIENCE, TYPE
from tests.gateway.stage import SERVICES, Stage, serving

PERSON = str(new_id())


def part_of(service: str, status: int = 200) -> Starlette:
    """A service that answers with its name and what it was asked with."""

    async def answer(request: Request) -> JSONResponse:
        kinds = {"asked_with": [{"authorization": request.headers["authorization"]}]}
        return JSONResponse({"service": service, "kinds": kinds}, status)

    return Starlette(routes=[Route(f"/{service}/v1/my-data", answer)])


def promise(stage: Stage, *services: str) -> None:
    for service in services:
        stage.promise(service, {f"GET /{service}/v1/my-data": {}})


def ticket(tokens: Tokens, **changes: str | int) -> dict[str, str]:
    usual: dict[str, Any] = {"typ": TYPE, "aud": AUDIENCE, "sub": PERSON}
    signed = tokens.sign(**(usual | changes))
    return {"Authorization": f"Bearer {signed}"}


async def test_all_parts_are_in_one_file(stage: Stage, client: httpx.AsyncClient, tokens: Tokens) -> None:
    promise(stage, "identity", "payments")
    headers = ticket(tokens)
    async with (
        serving(part_of("identity")) as one,
        serving(part_of("payments")) as two,
        stage.gateway(identity_url=one, payments_url=two) as gateway,
    ):
        answer = await client.get(f"{gateway}/my-data", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    file = json.loads(answer.content)
    asked = {"asked_with": [{"authorization": headers["Authorization"]}]}
    assert (file["identity"], file["payments"]) == (asked, asked)
    assert file.keys() == {"exported_at", "identity", "payments"}


async def test_the_answers_of_the_gateway_fit_its_contract(
    stage: Stage, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    """With the contracts as they are, so that a service with a new part is noticed here."""
    for file in (FOLDER / "openapi").glob("*.json"):
        (stage.contracts / file.name).write_bytes(file.read_bytes())
    async with contextlib.AsyncExitStack() as running:
        addresses: dict[str, Any] = {
            f"{service}_url": await running.enter_async_context(serving(part_of(service))) for service in SERVICES
        }
        gateway = await running.enter_async_context(stage.gateway(**addresses))
        document = (await client.get(f"{gateway}/docs/openapi/gateway.v1.json")).json()
        given = {"/my-data": ticket(tokens), "/docs/openapi/{name}": {}, "/livez": {}, "/readyz": {}}
        assert document["paths"].keys() == given.keys()
        for template, headers in given.items():
            path = template.replace("{name}", "identity.v1.json")
            answer = await client.get(f"{gateway}{path}", headers=headers)
            fit(document, template, answer)
            refused = await client.get(f"{gateway}{path}".replace("identity", "weather"), headers={"Accept": "*/*"})
            if refused.status_code != httpx.codes.OK:
                fit(document, template, refused)


def fit(document: dict[str, Any], template: str, answer: httpx.Response) -> None:
    """The answer has the status, the content, all members and the headers that the contract names, and no others."""
    responses = document["paths"][template]["get"]["responses"]
    declared = responses.get(str(answer.status_code), responses["default"])
    content = declared["content"][answer.headers["content-type"].partition(";")[0]]
    schema = content["schema"] | {"components": document["components"]}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.json())
    for name, header in declared.get("headers", {}).items():
        assert answer.headers[name] == header["schema"]["const"]
    named = document["components"]["schemas"].get(content["schema"]["$ref"].rpartition("/")[2], {})
    if named.get("properties") and answer.status_code == httpx.codes.OK:
        assert answer.json().keys() == named["properties"].keys()


def test_the_contract_has_every_part_and_every_refusal_of_the_file() -> None:
    document = in_folder(FOLDER)["openapi/gateway.v1.json"]
    file = document["components"]["schemas"]["MyDataFile"]
    assert set(file["required"]) == {"exported_at", "identity", "services", "payments", "miniapps"}
    described = document["paths"]["/my-data"]["get"]["description"]
    for problem in (TokenMissing, TokenInvalid, TokenExpired, ServiceAbsent, ServiceBroken):
        assert f"`{problem.code}`" in described
        assert f"({problem.status})" in described


async def test_a_file_that_misses_a_part_is_not_sent(stage: Stage, client: httpx.AsyncClient, tokens: Tokens) -> None:
    promise(stage, "identity", "payments")
    async with serving(part_of("identity")) as one, serving(part_of("payments", status=500)) as broken:
        async with stage.gateway(identity_url=one) as gateway:
            absent = await client.get(f"{gateway}/my-data", headers=ticket(tokens))
        async with stage.gateway(identity_url=one, payments_url=broken) as gateway:
            failed = await client.get(f"{gateway}/my-data", headers=ticket(tokens))
    assert (absent.status_code, absent.json()["code"]) == (503, "service_absent")
    assert (failed.status_code, failed.json()["code"]) == (502, "service_broken")


async def test_only_a_ticket_opens_the_file(stage: Stage, client: httpx.AsyncClient, tokens: Tokens) -> None:
    promise(stage, "identity")
    async with serving(part_of("identity")) as one, stage.gateway(identity_url=one) as gateway:
        for headers, code in (
            ({}, "token_missing"),
            (tokens.resident(), "token_invalid"),
            (ticket(tokens, aud="myili"), "token_invalid"),
            (ticket(tokens, typ="attestation+jwt"), "token_invalid"),
            (ticket(tokens, sub="somebody"), "token_invalid"),
            (ticket(tokens, exp=1), "token_expired"),
        ):
            answer = await client.get(f"{gateway}/my-data", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, code)
