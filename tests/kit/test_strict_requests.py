"""Requests that two readers could understand differently are refused, at every operation that reads JSON."""

import json
import timeit
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, Body, FastAPI, Request
from fastapi.responses import HTMLResponse

from chassis import problems
from kit.strict_requests import require_one_reading, strict

router = APIRouter()
JSON = {"Content-Type": "application/json"}


@router.get("/things")
async def list_things(limit: int = 5) -> int:
    return limit


@router.get("/page", response_class=HTMLResponse)
async def page() -> str:
    return "page"


@router.post("/things")
async def write_thing(body: Annotated[dict[str, Any], Body()]) -> list[str]:
    return list(body)


@router.put("/bytes")
async def put_bytes(request: Request) -> int:
    return len(await request.body())


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(strict(router))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_an_unknown_parameter_of_a_get_is_refused_with_the_known_ones(client: httpx.AsyncClient) -> None:
    refused = await client.get("/things?Limit=3&limit=2")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_parameter")
    assert (refused.json()["unknown"], refused.json()["known"]) == (["Limit"], ["limit"])
    assert (await client.get("/things?limit=2")).json() == 2
    assert (await client.get("/page?from=messenger")).text == "page"


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (b'{"amount_fen": 500, "amount_fen": 1}', "amount_fen"),
        (b'{"amount_fen": 500, "\\u0061mount_fen": 500}', "amount_fen"),
        (b'{"later": [{"a": {"b": 1, "b": 1}}]}', "b"),
        (b'{"\\ud800": 1, "\\ud800": 2}', "?"),
        ('{"a": 1, "a": 2}'.encode("utf-16"), "a"),
    ],
)
async def test_a_repeated_member_is_refused_by_name(client: httpx.AsyncClient, body: bytes, member: str) -> None:
    for media_type in ("application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"):
        refused = await client.post("/things", content=body, headers={"Content-Type": media_type})
        assert (refused.status_code, refused.json()["code"], refused.json()["member"]) == (
            400,
            "member_repeated",
            member,
        )


async def test_numbers_that_are_no_json_are_malformed(client: httpx.AsyncClient) -> None:
    for number in (b"NaN", b"Infinity", b"-Infinity"):
        refused = await client.post("/things", content=b'{"a": %s}' % number, headers=JSON)
        assert (refused.status_code, refused.json()["code"]) == (400, "malformed_json")


async def test_other_bodies_are_read_as_before(client: httpx.AsyncClient) -> None:
    twice = b'{"a": [{"b": 1}, {"b": 2}], "c": {"a": null}}'
    assert (await client.post("/things", content=twice, headers=JSON)).json() == ["a", "c"]
    for broken in (b"{", b"\xff\xfe\xfa", b"[" * 100_000):
        assert (await client.post("/things", content=broken, headers=JSON)).json()["code"] == "malformed_json"
    assert (await client.put("/bytes", content=b'{"a": 1, "a": 2}', headers=JSON)).json() == 16


def test_a_small_body_costs_less_than_fifty_microseconds() -> None:
    body = json.dumps({f"member_{n}": {"amount_fen": n, "note": "水费"} for n in range(10)}).encode()
    seconds = min(timeit.repeat(lambda: require_one_reading(body), number=200, repeat=7)) / 200
    assert seconds < 50e-6
