"""Everybody reads published plans, finds them by name and by pinyin, and is told of a filter that does not exist."""

import httpx
import pytest

from chassis.testing import Tokens
from tests.kit.tariffs import examples
from tests.svc_services.catalogue.tariff_plans.plans import NAME, PLANS, day, published
from tests.svc_services.companies import TARIFFS, approved

SCHOOLS = {**NAME, "zh": "学校用水", "en": "Water for schools"}


async def listed(api: httpx.AsyncClient, **filters: str) -> list[str]:
    answer = await api.get(PLANS, params=filters)
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


async def test_plans_of_a_class_stand_side_by_side_each_in_its_version(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens, kind="telecom")
    phone = {"kind": "telecom", "rules": examples.TELECOM, "confirmed": True}
    for code, later in (("plan_99", 0), ("plan_99", 30), ("plan_199", 10)):
        await published(api, tokens, provider_id, **phone, code=code, effective_from=day(later))
    assert [await listed(api, on=day(later)) for later in (-1, 0, 10, 40)] == [
        [],
        ["plan_99"],
        ["plan_99", "plan_199"],
        ["plan_99", "plan_199"],
    ]
    assert len(await listed(api)) == 3


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("居民", ["base"]),
        ("jmsh", ["base"]),
        ("XXYS", ["schools"]),
        ("water", ["base", "schools"]),
        ("%", []),
        ("zz", []),
        ("ｗａｔｅｒ", ["base", "schools"]),
    ],
)
async def test_plans_are_found_by_chinese_and_by_initials(
    api: httpx.AsyncClient, tokens: Tokens, words: str, found: list[str]
) -> None:
    provider_id = await approved(api, tokens)
    await published(api, tokens, provider_id)
    await published(api, tokens, provider_id, code="schools", customer_class="school", name=SCHOOLS)
    assert await listed(api, q=words) == found


async def test_filters_narrow_what_is_listed(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    await published(api, tokens, provider_id)
    for filters, count in (
        ({"provider_id": str(provider_id)}, 1),
        ({"kind": "gas"}, 0),
        ({"kind": "water", "division_code": "654021"}, 1),
        ({"division_code": "654022"}, 0),
    ):
        assert len(await listed(api, **filters)) == count


@pytest.mark.parametrize("path", [PLANS, TARIFFS])
async def test_an_unknown_filter_is_refused_by_name(api: httpx.AsyncClient, path: str) -> None:
    refused = await api.get(path, params={"divison_code": "654002", "limit": "2"}, headers={"Accept-Language": "en"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_parameter")
    assert refused.json()["unknown"] == ["divison_code"]
    assert {"division_code", "limit", "cursor"} <= set(refused.json()["known"])


async def test_what_has_not_changed_is_not_sent_again(api: httpx.AsyncClient, tokens: Tokens) -> None:
    tariff_id = (await published(api, tokens, await approved(api, tokens)))["tariff_id"]
    for path in (PLANS, f"{PLANS}/{tariff_id}", "/services/v1/customer-classes?kind=water"):
        first = await api.get(path)
        again = await api.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize("kind", ["water", "electricity", "gas", "heating", "telecom", "cable_tv"])
async def test_classes_are_named_in_four_languages(api: httpx.AsyncClient, kind: str) -> None:
    items = (await api.get("/services/v1/customer-classes", params={"kind": kind})).json()["items"]
    assert {"residential"} < {item["code"] for item in items}
    assert all(set(item["name"]) == {"zh", "en", "kk", "ug"} for item in items)
