"""Everybody reads what is offered where, finds it by name and by pinyin, and fetches it once."""

import httpx
import pytest

from chassis.testing import Tokens
from tests.svc_services.catalogue.service_items.items import ITEMS, listed, published
from tests.svc_services.companies import approved

HEATING_ALONE = 4
KINDS = 7


async def test_each_kind_of_utility_has_general_guides(api: httpx.AsyncClient) -> None:
    for kind in ("water", "electricity", "gas", "heating", "telecom", "cable_tv"):
        answer = await api.get(ITEMS, params={"utility_kind": kind, "division_code": "654002", "limit": 200})
        items = answer.json()["items"]
        assert len(items) == KINDS + (HEATING_ALONE if kind == "heating" else 0)
        assert all(item["provider_id"] is None and item["content"]["basis"] for item in items)


async def test_in_a_division_its_own_item_takes_the_place_of_the_companys(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    provider_id = await approved(api, tokens)
    everywhere = (await published(api, tokens, provider_id))["item_id"]
    own = (await published(api, tokens, provider_id, division_code="654021"))["item_id"]
    of = {"provider_id": str(provider_id)}
    assert await listed(api, division_code="654002", **of) == [everywhere]
    assert await listed(api, division_code="654021", **of) == [own]
    assert await listed(api, division_code="654023", **of) == []
    assert await listed(api, **of) == [everywhere, own]


@pytest.mark.parametrize(("words", "found"), [("用水", 1), ("YSBZ", 1), ("sample water", 1), ("%", 0), ("zz", 0)])
async def test_items_are_found_by_chinese_and_by_initials(
    api: httpx.AsyncClient, tokens: Tokens, words: str, found: int
) -> None:
    provider_id = await approved(api, tokens)
    await published(api, tokens, provider_id)
    assert len(await listed(api, provider_id=str(provider_id), q=words)) == found


async def test_a_client_that_has_it_is_told_so(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    item = await published(api, tokens, provider_id)
    for path in (f"{ITEMS}/{item['item_id']}", f"{ITEMS}?provider_id={provider_id}"):
        first = await api.get(path)
        assert first.headers["Cache-Control"] == "public, max-age=60"
        again = await api.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    await published(api, tokens, provider_id)
    changed = await api.get(f"{ITEMS}/{item['item_id']}", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


async def test_filters_that_cannot_be_meant_are_refused(api: httpx.AsyncClient) -> None:
    for name, value, code in (
        ("division_code", "999999", "unknown_division"),
        ("utility_kind", "steam", "invalid_request"),
        ("application_kind", "New!", "invalid_request"),
        ("q", "x" * 41, "invalid_request"),
        ("divison", "654002", "unknown_parameter"),
    ):
        refused = await api.get(ITEMS, params={name: value})
        assert (refused.status_code, refused.json()["code"]) == (422, code), name
