"""A company names where it publishes its keys in place of bringing them; they are fetched when operators decide."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import Tokens, emitted, once
from svc_services.providers.applications import decisions
from svc_services.providers.key_sources.models import FetchedKey, KeyFetch, KeySource
from tests.svc_services.companies import apply, approved, public_key
from tests.svc_services.providers.connections.companies import new_key, public
from tests.svc_services.providers.corrections.corrections import correct, corrected, path_of
from tests.svc_services.providers.key_sources.conftest import Publisher, publisher

__all__ = ["publisher"]


async def approve(api: httpx.AsyncClient, tokens: Tokens, filed: dict[str, Any], revision: int = 1) -> httpx.Response:
    headers = tokens.staff("operator") | once() | {"If-Match": f'"{revision}"'}
    return await api.post(f"{path_of(filed)}/approve", headers=headers)


async def test_published_keys_are_fetched_at_the_approval_and_followed_after(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, publisher: Publisher
) -> None:
    filed = await apply(api, jwks=None, jwks_uri=publisher.url)
    assert (filed["jwks"], filed["jwks_uri"], publisher.calls) == ({"keys": []}, publisher.url, 0)
    publisher.publish(new_key("k1"), new_key("k2"))
    answer = await approve(api, tokens, filed)
    assert (answer.status_code, publisher.calls) == (200, 1), answer.text
    kids = ["k1", "k2"]
    assert [key["kid"] for key in answer.json()["jwks"]["keys"]] == kids
    async with database.read() as tx:
        events = await emitted(tx)
        assert [[key["kid"] for key in event.data["jwks"]["keys"]] for event in events] == [kids, kids]
        assert (events[1].data["jwks_uri"], events[1].data["revision"]) == (publisher.url, 1)
        assert len((await tx.scalars(select(FetchedKey))).all()) == 2
        assert len((await tx.scalars(select(KeySource))).all()) == len((await tx.scalars(select(KeyFetch))).all()) == 1


@pytest.mark.parametrize("body", [b"{}", b'{"keys": []}', b"[", b"\xff", b"[" * 60_000, b'{"keys": {}}'])
async def test_without_good_keys_nobody_is_connected(
    api: httpx.AsyncClient, tokens: Tokens, publisher: Publisher, body: bytes
) -> None:
    filed = await apply(api, jwks=None, jwks_uri=publisher.url)
    publisher.body = body
    answer = await approve(api, tokens, filed)
    assert (answer.status_code, answer.json()["code"]) == (409, "keys_not_fetched")
    publisher.publish(new_key("k1"))
    assert (await approve(api, tokens, filed)).status_code == 200


async def test_a_published_key_of_another_connection_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, publisher: Publisher
) -> None:
    key = new_key("k1")
    await approved(api, tokens, jwks={"keys": [public(key)]})
    filed = await apply(api, jwks=None, jwks_uri=publisher.url)
    publisher.publish(key)
    answer = await approve(api, tokens, filed)
    assert (answer.status_code, answer.json()["code"]) == (409, "key_already_used")


async def test_a_correction_changes_from_one_to_the_other(
    api: httpx.AsyncClient, tokens: Tokens, publisher: Publisher
) -> None:
    filed = await apply(api)
    by_address = await corrected(api, filed, 1, jwks_uri=publisher.url)
    assert (by_address["jwks"], by_address["jwks_uri"]) == ({"keys": []}, publisher.url)
    back = await corrected(api, filed, 2, jwks={"keys": [public_key("k9")]})
    assert ([key["kid"] for key in back["jwks"]["keys"]], back["jwks_uri"]) == (["k9"], None)
    assert (await approve(api, tokens, filed, 3)).status_code == 200
    assert publisher.calls == 0


async def test_a_correction_while_the_keys_are_fetched_stops_the_approval(
    api: httpx.AsyncClient, tokens: Tokens, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:

    filed, fetch = await apply(api, jwks=None, jwks_uri=publisher.url), decisions.with_keys
    publisher.publish(new_key("k1"))

    async def with_keys(*given: Any) -> decisions.Seen:  # noqa: ANN401 - as there
        found = await fetch(*given)
        assert (await correct(api, filed, 1, endpoint_url="http://127.0.0.1:9/")).status_code == 200
        return found

    monkeypatch.setattr(decisions, "with_keys", with_keys)
    answer = await approve(api, tokens, filed)
    assert (answer.status_code, answer.json()["code"]) == (412, "edited_meanwhile")
