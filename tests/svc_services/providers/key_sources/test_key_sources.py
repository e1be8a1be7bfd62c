"""Keys from a company's `jwks_uri`: new ones are added, one bad answer drops nothing, and asking is bounded."""

import asyncio
import base64
import json
import time
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, update

from chassis.db import Database, now
from chassis.testing import Tokens, emitted, once
from kit.endpoint_urls import Endpoints
from svc_services.providers.key_sources.models import FetchedKey, KeyFetch
from svc_services.providers.key_sources.provider import HttpKeySource, NotFetched
from svc_services.providers.key_sources.service import fetch_due, hurry
from tests.svc_services.providers.connections.companies import Company, connected, new_key, public
from tests.svc_services.providers.connections.test_company_changes import kids
from tests.svc_services.providers.key_sources.conftest import Publisher

SOURCE = HttpKeySource(Endpoints(anywhere=True))


async def make_due(database: Database, **later: Any) -> None:  # noqa: ANN401 - columns
    async with database.transaction() as tx:
        await tx.execute(update(KeyFetch).values(try_at=func.now(), **later))


async def fetched(database: Database) -> None:
    await make_due(database)
    await fetch_due(database, SOURCE)


async def publishing(api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher) -> Company:
    """A company whose first key was brought, and whose second one is fetched."""
    company, second = await connected(api, tokens), new_key("k2")
    publisher.publish(company.key, second)
    answer = await company.change(api, action="fetch_keys", jwks_uri=publisher.url)
    assert answer.status_code == 201, answer.text
    await fetch_due(database, SOURCE)
    assert await kids(api, tokens, company) == {"k1": False, "k2": False}
    return company


async def test_a_published_key_is_added_and_travels_in_the_event(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    company = await publishing(api, tokens, database, publisher)
    shown = (await api.get(f"{company.path}/connection", headers=tokens.staff("operator"))).json()
    assert shown["jwks_uri"] == publisher.url
    async with database.read() as tx:
        last = [event for event in await emitted(tx) if event.type.endswith("provider.updated.v1")][-1].data
    assert ([key["kid"] for key in last["jwks"]["keys"]], last["jwks_uri"]) == (["k1", "k2"], publisher.url)
    await fetched(database)
    async with database.read() as tx:
        assert [event for event in await emitted(tx) if event.data.get("revision", 0) > last["revision"]] == []


def _faulty_bodies() -> dict[str, bytes]:
    small = {"kty": "RSA", "kid": "s", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("=")}
    sets: dict[str, list[dict[str, Any]]] = {
        "none": [],
        "small": [small],
        "enc": [{**public(new_key("e")), "use": "enc"}],
        "private": [new_key("p").as_dict(private=True)],
        "twice": [public(new_key("t")), public(new_key("t"))],
    }
    bodies = {name: json.dumps({"keys": keys}).encode() for name, keys in sets.items()}
    long, deep = b" " * 70_000 + json.dumps({"keys": [public(new_key("l"))]}).encode(), b"[" * 60_000
    return bodies | {"no_json": b"<html>", "array": b"[]", "long": long, "deep": deep}


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize("body", _faulty_bodies().values(), ids=_faulty_bodies())
async def test_a_bad_answer_drops_no_key_and_adds_none(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher, body: bytes
) -> None:
    company = await publishing(api, tokens, database, publisher)
    publisher.body = body
    for _ in range(2):
        await fetched(database)
        async with database.transaction() as tx:
            await tx.execute(update(FetchedKey).values(missing_since=FetchedKey.missing_since - timedelta(days=2)))
    assert await kids(api, tokens, company) == {"k1": False, "k2": False}


@pytest.mark.parametrize("status", [204, 302, 404, 500])
async def test_no_answer_but_200_counts(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher, status: int
) -> None:
    company = await publishing(api, tokens, database, publisher)
    publisher.publish(new_key("k3"))
    publisher.status = status
    await fetched(database)
    assert await kids(api, tokens, company) == {"k1": False, "k2": False}


async def test_a_fetched_key_that_is_missing_for_a_day_ends_and_one_that_was_brought_stays(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    company = await publishing(api, tokens, database, publisher)
    publisher.publish(new_key("k3"))
    await fetched(database)
    await fetched(database)
    assert await kids(api, tokens, company) == {"k1": False, "k2": False, "k3": False}
    async with database.transaction() as tx:
        day_ago = now() - timedelta(days=1)
        await tx.execute(update(FetchedKey).where(FetchedKey.missing_since.is_not(None)).values(missing_since=day_ago))
    await fetched(database)
    assert await kids(api, tokens, company) == {"k1": False, "k2": True, "k3": False}


async def test_a_key_of_another_company_is_not_taken(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    other = await connected(api, tokens)
    company = await publishing(api, tokens, database, publisher)
    foreign = {**public(other.key), "kid": "stolen"}
    publisher.body = json.dumps({"keys": [public(company.key), foreign, public(new_key("k4"))]}).encode()
    await fetched(database)
    assert await kids(api, tokens, company) == {"k1": False, "k2": False, "k4": False}


async def test_an_unknown_key_hurries_the_fetch_but_not_below_the_floor(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    company = await publishing(api, tokens, database, publisher)
    calls = publisher.calls
    for _ in range(3):
        async with database.transaction() as tx:
            await hurry(tx, company.id)
        await fetch_due(database, SOURCE)
    assert publisher.calls == calls
    async with database.transaction() as tx:
        await tx.execute(update(KeyFetch).values(tried_at=now() - timedelta(minutes=2)))
        await hurry(tx, company.id)
    await fetch_due(database, SOURCE)
    assert publisher.calls == calls + 1


async def test_nothing_is_fetched_while_operators_have_suspended_the_company(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    company = await publishing(api, tokens, database, publisher)
    body, calls = {"reason": "its web server is in other hands"}, publisher.calls
    await api.post(f"{company.path}/suspend", json=body, headers=tokens.staff("operator") | once())
    publisher.publish(new_key("thief"))
    await fetched(database)
    assert publisher.calls == calls
    stopped = await company.change(api, action="fetch_keys", jwks_uri=None)
    assert (stopped.status_code, stopped.json()["code"]) == (403, "suspended_by_operator")


async def test_a_source_inside_our_network_is_never_called(publisher: Publisher) -> None:
    inside = HttpKeySource(Endpoints(anywhere=False))
    for address in (publisher.url, publisher.url.replace("http:", "https:"), "https://169.254.169.254/latest"):
        assert isinstance(await inside.fetch(address), NotFetched)
    assert publisher.calls == 0


async def test_a_company_stops_publishing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    company = await publishing(api, tokens, database, publisher)
    assert (await company.change(api, action="fetch_keys", jwks_uri=None)).status_code == 201
    calls = publisher.calls
    await fetched(database)
    assert publisher.calls == calls


async def test_a_slow_address_takes_bounded_time_waits_longer_and_says_why(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    company = await publishing(api, tokens, database, publisher)
    publisher.wait = 30.0
    hasty, pauses = HttpKeySource(Endpoints(anywhere=True), seconds=0.3), []
    for failures in (1, 2, 3):
        await make_due(database)
        began = time.monotonic()
        await fetch_due(database, hasty)
        assert time.monotonic() - began < 5
        fetch = (await connection(api, tokens, company))["key_fetch"]
        assert (fetch["failures"], fetch["problem"]) == (failures, "too_slow")
        pauses.append(datetime.fromisoformat(fetch["next_at"]) - now())
    assert pauses == sorted(pauses)
    assert pauses[0] > timedelta(seconds=40)
    assert await kids(api, tokens, company) == {"k1": False, "k2": False}
    publisher.release.set()
    publisher.wait = 0
    publisher.publish(company.key, new_key("k3"))
    await fetched(database)
    assert (await connection(api, tokens, company))["key_fetch"]["problem"] is None
    assert await kids(api, tokens, company) == {"k1": False, "k2": False, "k3": False}


async def test_a_dead_address_or_no_key_set_is_named(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    company = await publishing(api, tokens, database, publisher)
    for status, body, problem in (
        (404, b"{}", "status_404"),
        (200, b"<html>", "no_key_set"),
        (200, b"[]", "no_key_set"),
    ):
        publisher.status, publisher.body = status, body
        await fetched(database)
        assert (await connection(api, tokens, company))["key_fetch"]["problem"] == problem
    publisher.server.shutdown()
    publisher.server.server_close()
    await fetched(database)
    assert (await connection(api, tokens, company))["key_fetch"]["problem"] == "not_reached"


async def test_a_name_that_is_never_resolved_takes_bounded_time() -> None:
    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    stuck = HttpKeySource(Endpoints(anywhere=False, resolve=never), seconds=0.2)
    assert await stuck.fetch("https://keys.example.org/jwks") == NotFetched("too_slow")


async def connection(api: httpx.AsyncClient, tokens: Tokens, company: Company) -> dict[str, Any]:
    answer = await api.get(f"{company.path}/connection", headers=tokens.staff("operator"))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown
