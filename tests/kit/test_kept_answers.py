"""Public answers kept in memory: given again with their age, dropped when changed, never another caller's."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel

from kit.etags import cacheable
from kit.kept_answers import ANSWER_BYTES, KEPT_BYTES, KeptAnswers

LIFE = 0.3


class Answer(BaseModel):
    number: int
    filling: str = ""


class Prices:
    """An application whose answers count up, so that an answer given again is seen."""

    def __init__(self) -> None:
        self.answers = 0
        self.app = FastAPI()
        self.app.get("/prices", tags=["prices"])(self.public)
        self.app.get("/guides/{name}", tags=["guides"])(self.public)
        self.app.get("/large")(self.large)
        self.app.get("/own")(self.own)
        self.app.get("/translated")(self.translated)
        self.app.post("/prices", tags=["prices"])(self.change)
        self.kept = KeptAnswers(self.app, LIFE)

    def _next(self) -> int:
        self.answers += 1
        return self.answers

    async def public(self, request: Request) -> Response:
        return cacheable(request, Answer(number=self._next()), seconds=60)

    async def large(self, request: Request) -> Response:
        return cacheable(request, Answer(number=self._next(), filling="x" * ANSWER_BYTES), seconds=60)

    async def own(self) -> Answer:
        return Answer(number=self._next())

    async def translated(self) -> Response:
        headers = {"Cache-Control": "public, max-age=60", "Vary": "Accept-Language"}
        return Response(Answer(number=self._next()).model_dump_json(), headers=headers)

    async def change(self, refused: bool = False) -> None:  # noqa: FBT001, FBT002 - a query parameter
        if refused:
            raise HTTPException(422)


@pytest.fixture
def prices() -> Prices:
    return Prices()


@pytest.fixture
async def client(prices: Prices) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=prices.kept)
    async with httpx.AsyncClient(transport=transport, base_url="http://prices.test") as client:
        yield client


async def number(client: httpx.AsyncClient, path: str, **headers: str) -> int:
    return int((await client.get(path, headers=headers)).raise_for_status().json()["number"])


async def test_an_answer_is_given_again_with_its_age_and_a_request_id_of_its_own(client: httpx.AsyncClient) -> None:
    first = await client.get("/prices")
    again = await client.get("/prices", headers={"X-Request-ID": "of-the-second"})
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "public, max-age=60"
    assert (again.headers["age"], again.headers["x-request-id"]) == ("0", "of-the-second")
    assert "age" not in first.headers


async def test_a_client_that_has_the_answer_gets_304_without_content(client: httpx.AsyncClient) -> None:
    first = await client.get("/prices")
    again = await client.get("/prices", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert not {"content-type", "content-length"} & set(again.headers)
    assert (await client.get("/prices", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_another_query_is_another_answer(client: httpx.AsyncClient) -> None:
    numbers = [await number(client, path) for path in ("/prices", "/prices?on=1", "/prices?on=2", "/guides/a")]
    assert numbers == [1, 2, 3, 4]


async def test_an_answer_ends_after_its_seconds(client: httpx.AsyncClient) -> None:
    assert await number(client, "/prices") == 1
    await asyncio.sleep(LIFE)
    assert await number(client, "/prices") == 2


async def test_a_change_drops_what_it_is_about_and_nothing_else(client: httpx.AsyncClient) -> None:
    assert [await number(client, "/prices"), await number(client, "/guides/a")] == [1, 2]
    (await client.post("/prices")).raise_for_status()
    assert [await number(client, "/prices"), await number(client, "/guides/a")] == [3, 2]


async def test_a_change_that_is_refused_drops_nothing(client: httpx.AsyncClient) -> None:
    assert await number(client, "/prices") == 1
    assert (await client.post("/prices?refused=true")).status_code == 422
    assert await number(client, "/prices") == 1


@pytest.mark.parametrize("header", ["Authorization", "DPoP", "Cookie", "Range"])
async def test_whoever_says_who_they_are_is_answered_anew_and_their_answer_is_not_kept(
    client: httpx.AsyncClient, header: str
) -> None:
    assert await number(client, "/prices", **{header: "something"}) == 1
    assert await number(client, "/prices") == 2
    assert await number(client, "/prices", **{header: "something"}) == 3
    assert await number(client, "/prices") == 2


@pytest.mark.parametrize("path", ["/own", "/large", "/translated"])
async def test_what_is_not_public_or_depends_on_more_or_is_large_is_not_kept(
    client: httpx.AsyncClient, path: str
) -> None:
    assert [await number(client, path), await number(client, path)] == [1, 2]


async def test_a_304_is_not_kept_as_the_answer_of_others(client: httpx.AsyncClient) -> None:
    answer = await client.get("/prices", headers={"If-None-Match": "*"})
    assert answer.status_code == 304
    assert (await client.get("/prices")).status_code == 200


async def test_a_flood_of_queries_stays_within_the_memory_and_leaves_what_is_asked_for_often(
    client: httpx.AsyncClient, prices: Prices
) -> None:
    prices.kept.kept = type(prices.kept.kept)(10_000, 60, getsizeof=lambda kept: len(kept.body) + 1024)
    assert await number(client, "/prices") == 1
    for query in range(50):
        await number(client, f"/prices?q={query}")
        assert await number(client, "/prices") == 1
    assert prices.kept.kept.currsize <= 10_000 < KEPT_BYTES
