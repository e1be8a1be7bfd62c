"""A service built on the chassis: rules, problems, idempotency and health, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, ClassVar, cast
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends
from prometheus_client import REGISTRY
from pydantic import AfterValidator, BaseModel, Field, SecretStr
from sqlalchemy import URL, Column, MetaData, Table, Text, Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, allow, anyone, rules_by_route
from chassis.db import Tx, new_id
from chassis.idempotency import OnceKey
from chassis.problems import Problem
from chassis.service import Every, create_service_app
from chassis.settings import ServiceSettings
from chassis.testing import PUBLIC_URL, Tokens, client_of, once, until
from contracts.export import openapi
from tests.databases import add_tables, cloned

notes = Table("notes", MetaData(), Column("id", Uuid, primary_key=True), Column("text", Text, nullable=False))
router = APIRouter(prefix="/notes/v1")
Resident = Annotated[Caller, Depends(allow(scope="bills", assurance_level=2))]


class NoteRefused(Problem):
    status, code = 409, "note_refused"


def prose(text: str) -> str:
    if text == "verse":
        raise ValueError("notes are prose")
    return text


class NewNote(BaseModel):
    text: Annotated[str, AfterValidator(prose), Field(min_length=1)]


class Note(BaseModel):
    id: UUID
    text: str


async def write_note(tx: AsyncSession, text: str) -> Note:
    note = Note(id=new_id(), text=text)
    await tx.execute(notes.insert().values(note.model_dump()))
    if text == "refused":
        raise NoteRefused
    if text == "slow":
        await asyncio.sleep(0.3)
    return note


@router.post("/notes", status_code=201)
async def create_note(tx: Tx, caller: Resident, once: OnceKey, body: NewNote) -> Note:
    return await once.do(tx, caller, write_note(tx, body.text))


@router.get("/fail", dependencies=[Depends(anyone(because="a test fails"))])
async def fail() -> None:
    raise RuntimeError


@router.get("/count", dependencies=[Depends(anyone(because="a test counts"))])
async def count_notes(tx: Tx) -> int:
    return await tx.scalar(select(func.count()).select_from(notes)) or 0


class Settings(ServiceSettings):
    service: ClassVar[str] = "notes"


@pytest_asyncio.fixture
async def api(template: URL, tokens: Tokens) -> AsyncIterator[httpx.AsyncClient]:
    async with cloned(template) as url:
        settings = Settings(
            database_url=SecretStr(url.render_as_string(hide_password=False)),
            kafka="127.0.0.1:1",
            public_url=PUBLIC_URL,
            jwks_url=tokens.jwks_url,
        )
        settings_here = _AtDatabase(url, settings)
        app = create_service_app(settings_here, [router], title="Notes", version="1.0.0")
        async with client_of(app) as client:
            await add_tables(app.state.database, notes.metadata)
            yield client


def _AtDatabase(url: URL, settings: Settings) -> ServiceSettings:  # noqa: N802 - makes one
    class Here(Settings):
        @property
        def database(self) -> URL:
            return url

    return Here.model_validate(settings.model_dump())


async def test_a_retry_with_the_same_key_gets_the_same_answer_once(api: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.resident() | once()
    first = await api.post("/notes/v1/notes", json={"text": "water"}, headers=headers)
    second = await api.post("/notes/v1/notes", json={"text": "water"}, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert (await api.get("/notes/v1/count")).json() == 1


async def test_the_same_key_with_another_body_is_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.resident() | once()
    await api.post("/notes/v1/notes", json={"text": "water"}, headers=headers)
    other = await api.post("/notes/v1/notes", json={"text": "gas"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_belongs_to_its_caller(api: httpx.AsyncClient, tokens: Tokens) -> None:
    key = once()
    first = await api.post("/notes/v1/notes", json={"text": "water"}, headers=tokens.resident() | key)
    second = await api.post("/notes/v1/notes", json={"text": "water"}, headers=tokens.resident() | key)
    assert first.json()["id"] != second.json()["id"]


async def test_two_at_once_with_one_key_do_the_work_once(api: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.resident() | once()
    answers = await asyncio.gather(
        *(api.post("/notes/v1/notes", json={"text": "slow"}, headers=headers) for _ in range(5))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201, 409, 409, 409, 409]
    assert (await api.get("/notes/v1/count")).json() == 1


async def test_a_refused_request_frees_its_key_and_leaves_nothing(api: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.resident() | once()
    refused = await api.post("/notes/v1/notes", json={"text": "refused"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "note_refused")
    accepted = await api.post("/notes/v1/notes", json={"text": "water"}, headers=headers)
    assert accepted.status_code == 201
    assert (await api.get("/notes/v1/count")).json() == 1


async def test_an_unsafe_request_without_a_key_is_told_to_make_one(api: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await api.post("/notes/v1/notes", json={"text": "water"}, headers=tokens.resident())
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize("name", ["Idempotency-Key", "Content-Type", "Authorization"])
async def test_a_header_with_two_values_is_refused_before_anything_is_done(
    api: httpx.AsyncClient, tokens: Tokens, name: str
) -> None:
    once_each = tokens.resident() | once() | {"Content-Type": "application/json"}
    lines = [*once_each.items(), ("Accept-Language", "fr"), (name, "another"), ("Accept-Language", "ug")]
    answer = await api.post("/notes/v1/notes", content=b'{"text": "water"}', headers=lines)
    assert (answer.status_code, answer.json()["code"]) == (400, "header_repeated")
    assert answer.json()["header"] == name.lower()
    assert (answer.headers["content-type"], answer.headers["content-language"]) == ("application/problem+json", "ug")
    assert answer.headers["x-request-id"] in answer.json()["instance"]
    assert (await api.get("/notes/v1/count")).json() == 0


async def test_languages_in_several_lines_are_one_list(api: httpx.AsyncClient) -> None:
    lines = [("Accept-Language", "fr"), ("Accept-Language", "zh;q=0.1"), ("Accept-Language", "en;q=0.2")]
    answer = await api.get("/notes/v1/nothing", headers=lines)
    assert (answer.status_code, answer.headers["content-language"]) == (404, "en")


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b'{"text": ', "application/json", 400, "malformed_json"),
        (b'{"text": 7}', "application/json", 422, "invalid_request"),
        (b"text=water", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"text": "' + b"a" * 1_100_000 + b'"}', "application/json", 413, "content_too_large"),
        (b'{"text": "\xff\xfe"}', "application/json", 400, "malformed_json"),
    ],
)
async def test_bad_bodies_are_distinguished(
    api: httpx.AsyncClient, tokens: Tokens, content: bytes, media_type: str, status: int, code: str
) -> None:
    headers = tokens.resident() | once() | {"Content-Type": media_type}
    answer = await api.post("/notes/v1/notes", content=content, headers=headers)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await api.get("/notes/v1/count")).json() == 0


async def test_what_nobody_foresaw_is_answered_and_the_connection_stays(api: httpx.AsyncClient) -> None:
    """An error that reached the server would make it close the connection under the next request."""
    strict = httpx.ASGITransport(cast("httpx.ASGITransport", api._transport).app)  # noqa: SLF001 - raises what reaches it
    async with httpx.AsyncClient(transport=strict, base_url=PUBLIC_URL) as server:
        answer = await server.get("/notes/v1/fail")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "x-request-id" in answer.headers


async def test_request_ids_come_back_and_unsafe_ones_are_replaced(api: httpx.AsyncClient) -> None:
    kept = await api.get("/livez", headers={"X-Request-ID": "from-the-app-1"})
    replaced = await api.get("/livez", headers={"X-Request-ID": "forged\tline"})
    assert kept.headers["x-request-id"] == "from-the-app-1"
    assert UUID(replaced.headers["x-request-id"]).version == 7


async def test_ready_only_with_a_database(api: httpx.AsyncClient) -> None:
    assert (await api.get("/readyz")).json() == {"status": "ready"}


def test_the_contract_says_who_may_call(tokens: Tokens) -> None:
    settings = Settings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1"), kafka="127.0.0.1:1", public_url="-", jwks_url="-"
    )
    app = create_service_app(settings, [router], title="Notes", version="1.0.0")
    operation = openapi(app)["paths"]["/notes/v1/notes"]["post"]
    assert operation["x-who-may-call"] == "person at assurance level 2 with scope bills"
    assert operation["security"] == [{"access_token": ["bills"]}]
    assert all(len(rules) == 1 for _method, _path, rules in rules_by_route(app))


async def _work(_: object) -> None:
    raise LookupError


async def _in_a_transaction(_: object, work: object) -> None:
    assert work


def test_a_schedule_has_the_name_of_what_it_is_about() -> None:
    assert Every(1.0, partial(_work, object())).name == "_work"
    assert Every(1.0, partial(_in_a_transaction, object(), _work)).name == "_work"


async def test_every_failed_turn_of_a_schedule_counts() -> None:
    def failures() -> float:
        return REGISTRY.get_sample_value("myili_schedule_failures_total", {"work": "_work"}) or 0

    before = failures()
    running = asyncio.create_task(Every(0.01, partial(_work, object())).run())
    await until(lambda: asyncio.sleep(0.01, failures() >= before + 2))
    running.cancel()
