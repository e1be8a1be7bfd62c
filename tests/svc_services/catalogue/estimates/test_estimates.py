"""Anybody learns what a usage costs by a published tariff, and why."""

from typing import Any

import httpx
import pytest

from chassis.db import new_id
from chassis.testing import Tokens, once
from tests.kit.tariffs import examples
from tests.kit.tariffs.examples import fixed, one_price, rules
from tests.svc_services.catalogue.tariff_plans.plans import day, propose, published
from tests.svc_services.catalogue.tariffs.test_tariffs import publish
from tests.svc_services.companies import TARIFFS, approved

SEASON = {"first_day": "2026-10-15", "last_day": "2027-04-15", "area": "100"}
JANUARY = {"first_day": "2026-01-01", "last_day": "2026-01-31"}
HOURS = {"peak": "100", "flat": "80", "valley": "60"}
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any], int]] = {
    "water": ("water", examples.WATER, {"quantities": {"m3": "20"}, "used_before": {"m3": "170.5"}}, 6240),
    "household": (
        "water",
        examples.WATER,
        {"quantities": {"m3": "20"}, "used_before": {"m3": "170.5"}, "persons": 5},
        5400,
    ),
    "cold": (
        "heating",
        examples.HEATING_BY_AREA,
        {**SEASON, "cold_days": [{"day": "2026-12-01", "degrees_below": "4.5"}]},
        220_000 - 1202,
    ),
    "hours": ("electricity", examples.ELECTRICITY, {"quantities": HOURS, "used_before": {"kWh": "2700"}}, 10_940),
    "combined": ("electricity", examples.COMBINED_METER, {"quantities": {"kWh": "6000"}}, 243_000),
    "gas": ("gas", examples.GAS, {"quantities": {"m3": "1000"}}, 90_000 // 100 * 137 + 100 * 137),
    "area": ("heating", examples.HEATING_BY_AREA, {**SEASON, "empty_home": True}, 110_000),
    "meter": ("heating", examples.HEATING_BY_METER, {**SEASON, "quantities": {"GJ": "25.5"}}, 142_500),
    "telecom": ("telecom", examples.TELECOM, {"quantities": {"GB": "32"}, "counts": {"secondary_card": 2}}, 11_900),
    "tv": ("cable_tv", examples.CABLE_TV, {"counts": {"secondary_box": 1}, "first_bill": True}, 23_200),
}


async def estimate(api: httpx.AsyncClient, tariff_id: str, language: str = "en", **usage: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    headers = {"Accept-Language": language}
    return await api.post(f"{TARIFFS}/{tariff_id}/estimate", json=JANUARY | usage, headers=headers)


@pytest.mark.parametrize("example", sorted(KINDS))
async def test_a_tariff_of_each_kind_is_published_and_estimated(
    api: httpx.AsyncClient, tokens: Tokens, example: str
) -> None:
    kind, tariff, usage, fen = KINDS[example]
    provider_id = await approved(api, tokens, kind=kind)
    changes = {"kind": kind, "rules": tariff, "effective_from": "2020-01-01", "confirmed": True}
    tariff_id = (await published(api, tokens, provider_id, **changes))["tariff_id"]
    found = await estimate(api, tariff_id, **usage)
    assert (found.status_code, found.json()["total_fen"]) == (200, fen), found.text
    assert sum(line["amount_fen"] for line in found.json()["lines"]) == fen
    assert found.json()["applied"] == [{"tariff_id": tariff_id, "effective_from": "2020-01-01"}]


@pytest.mark.parametrize(
    ("language", "name", "reason"),
    [
        ("zh-CN", "基本水价", "第 1 阶。"),
        ("en", "Base price", "Tier 1."),
        ("kk-Arab", "باعا", "\u20681\u2069-ساتى."),
        ("ug", "باھا", "\u20681\u2069-بالداق."),
    ],
)
async def test_lines_are_explained_in_the_language_of_the_reader(
    api: httpx.AsyncClient, tokens: Tokens, language: str, name: str, reason: str
) -> None:
    tariff_id = (await published(api, tokens, await approved(api, tokens), effective_from="2020-01-01"))["tariff_id"]
    line = (await estimate(api, tariff_id, language, quantities={"m3": "12.5"})).json()["lines"][0]
    assert (line["name"], line["reason"]) == (name, reason)
    assert (line["quantity"], line["unit_price"], line["amount_fen"]) == ("12.5", "1.60", 2000)


async def test_a_version_that_begins_within_the_period_applies_from_its_day(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    provider_id = await approved(api, tokens)
    old, new = rules(one_price("base", "m3", "1")), rules(one_price("base", "m3", "2"))
    first = await published(api, tokens, provider_id, rules=old, effective_from="2020-01-01")
    later = await published(api, tokens, provider_id, rules=new, effective_from=day(10))
    period: dict[str, Any] = {"first_day": day(0), "last_day": day(30), "quantities": {"m3": "31"}}
    found = (await estimate(api, first["tariff_id"], **period)).json()
    assert [line["amount_fen"] for line in found["lines"]] == [1000, 4200]
    assert [each["tariff_id"] for each in found["applied"]] == [first["tariff_id"], later["tariff_id"]]


async def test_a_tariff_of_tiers_and_a_fixed_fee_is_estimated_too(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    tariff_id = (await publish(api, tokens, provider_id, effective_from="2020-01-01"))["tariff_id"]
    found = (await estimate(api, tariff_id, quantities={"m3": "200"})).json()
    assert [line["amount_fen"] for line in found["lines"]] == [41_400, 9200, 300]


async def test_what_is_missing_is_named_and_a_proposal_is_not_estimated(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    tariff_id = (await published(api, tokens, provider_id, effective_from="2026-01-01"))["tariff_id"]
    missing = await estimate(api, tariff_id)
    assert (missing.status_code, missing.json()["code"]) == (422, "usage_missing")
    assert missing.json()["missing"] == "quantities.m3"
    early = await estimate(api, tariff_id, first_day="2025-12-31", quantities={"m3": "1"})
    assert (early.status_code, early.json()["code"]) == (422, "no_tariff_then")
    proposed = (await propose(api, tokens, provider_id, code="other")).json()["tariff_id"]
    for unknown in (proposed, str(new_id())):
        assert (await estimate(api, unknown, quantities={"m3": "1"})).status_code == 404


async def test_hours_that_contradict_the_whole_are_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens, kind="electricity")
    changes = {"kind": "electricity", "rules": examples.ELECTRICITY, "effective_from": "2020-01-01", "confirmed": True}
    tariff_id = (await published(api, tokens, provider_id, **changes))["tariff_id"]
    refused = await estimate(api, tariff_id, quantities=HOURS | {"kWh": "1"})
    assert (refused.status_code, refused.json()["code"]) == (422, "usage_contradictory")


async def test_an_estimate_is_bounded(api: httpx.AsyncClient, tokens: Tokens) -> None:
    changes = {"rules": rules(fixed("plan", 100, "bill")), "effective_from": "2020-01-01"}
    tariff_id = (await published(api, tokens, await approved(api, tokens), **changes))["tariff_id"]
    counts = {f"c{number}": 1 for number in range(3000)}
    large = await api.post(f"{TARIFFS}/{tariff_id}/estimate", json=JANUARY | {"counts": counts}, headers=once())
    assert large.status_code == 413
    wordy = await estimate(api, tariff_id, counts={f"c{number}": 1 for number in range(21)})
    assert (wordy.status_code, wordy.json()["code"]) == (422, "invalid_request")
    misspelt = await api.post(f"{TARIFFS}/{tariff_id}/estimate?on=2026-01-01", json=JANUARY)
    assert (misspelt.status_code, misspelt.json()["code"]) == (422, "unknown_parameter")


async def test_a_quantity_that_the_tariff_does_not_price_is_refused_by_name(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    changes = {"kind": "electricity", "rules": examples.ELECTRICITY, "effective_from": "2020-01-01", "confirmed": True}
    provider_id = await approved(api, tokens, kind="electricity")
    tariff_id = (await published(api, tokens, provider_id, **changes))["tariff_id"]
    refused = await estimate(api, tariff_id, quantities=HOURS | {"peek": "1"}, counts={"cards": 1})
    assert (refused.status_code, refused.json()["code"]) == (422, "usage_unknown")
    assert refused.json()["unknown"] == "counts.cards, quantities.peek"
