"""A bill follows from the published plan that was in force, or the answer says why it does not."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.billing.bills.models import BillStatus
from svc_payments.parties.accounts.models import AccountBinding
from tests.kit.tariffs import examples
from tests.kit.tariffs.examples import fixed, one_price, rules
from tests.svc_payments.billing.bills.factories import a_bill, a_tariff, save
from tests.svc_payments.billing.explanations.plans import a_plan, answer, january, lines_of

SEASON = "from=2026-10-15;until=2027-04-15"
OCTOBER = date(2026, 10, 1)
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "water": (examples.WATER, {"usage": "20", "usage_details": "before.m3=170.5"}, 6240),
    "a large household": (examples.WATER, {"usage": "20", "usage_details": "before.m3=170.5;persons=5"}, 5400),
    "hours": (
        examples.ELECTRICITY,
        {"usage": "240", "usage_details": "peak=100;flat=80;valley=60;before.kWh=2700"},
        10_940,
    ),
    "combined meter": (examples.COMBINED_METER, {"usage": "6000"}, 243_000),
    "gas with a heating allowance": (
        examples.GAS,
        {"usage": "1000", "usage_details": "before.m3=0;allowance_before.m3=0"},
        137_000,
    ),
    "an empty home by area": (
        examples.HEATING_BY_AREA,
        {"usage": "100", "period": OCTOBER, "usage_details": f"{SEASON};empty_home=yes"},
        110_000,
    ),
    "a cold day by area": (
        examples.HEATING_BY_AREA,
        {"usage": "100", "period": OCTOBER, "usage_details": f"{SEASON};cold.2026-12-01=4.5"},
        220_000 - 1202,
    ),
    "heating by meter": (
        examples.HEATING_BY_METER,
        {"usage": "25.5", "unit": "GJ", "period": OCTOBER, "usage_details": f"{SEASON};area=100"},
        142_500,
    ),
    "telecom": (examples.TELECOM, {"usage": "32", "usage_details": "count.secondary_card=2"}, 11_900),
    "tv": (examples.CABLE_TV, {"usage": "1", "usage_details": "count.secondary_box=1;first_bill=yes"}, 23_200),
}


@pytest.mark.parametrize("example", sorted(KINDS))
async def test_a_bill_of_each_kind_is_explained_to_the_fen(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, example: str
) -> None:
    plan_rules, stated, fen = KINDS[example]
    plan, usage = a_plan(provider_id, plan_rules), stated["usage"]
    bill = january(provider_id, usage, fen, **{name: stated[name] for name in stated.keys() - {"usage"}})
    shown = await answer(api, tokens, database, bill, plan)
    explained = shown["plan_explanation"]
    assert (explained["outcome"], shown["explanation"]) == ("explained", None), explained
    assert sum(lines_of(shown)) == fen
    assert explained["plan"]["applied"] == [{"tariff_id": str(plan.tariff_id), "effective_from": "2020-01-01"}]
    assert explained["plan"]["unknown_months"] == []


async def test_a_difference_is_named(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    plan = a_plan(provider_id, rules(one_price("base", "m3", "2")))
    shown = await answer(api, tokens, database, january(provider_id, "10", 2_150), plan, language="zh")
    explained = shown["plan_explanation"]
    assert (explained["outcome"], explained["plan"]["difference_fen"]) == ("differs", 150)
    assert (explained["plan"]["name"], explained["plan"]["lines"][0]["name"]) == ("居民水价", "基本水价")


async def test_where_two_plans_fit_none_is_chosen(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    price = rules(one_price("base", "m3", "2"))
    plans = [a_plan(provider_id, price, code=code) for code in ("base", "other")]
    dearer = a_plan(provider_id, rules(one_price("base", "m3", "3")), code="dear")
    shown = await answer(api, tokens, database, january(provider_id, "10", 2_000), *plans, dearer)
    explained = shown["plan_explanation"]
    assert (explained["outcome"], explained["plan"]) == ("ambiguous", None)
    found = {each["tariff_id"]: each["difference_fen"] for each in explained["candidates"]}
    assert found == {str(plans[0].tariff_id): 0, str(plans[1].tariff_id): 0, str(dearer.tariff_id): -1_000}


async def test_where_several_plans_may_be_meant_and_none_fits_none_is_chosen(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    plans = [a_plan(provider_id, rules(one_price("base", "m3", price)), code=f"p{price}") for price in ("2", "3")]
    shown = await answer(api, tokens, database, january(provider_id, "10", 2_500), *plans)
    assert (shown["plan_explanation"]["outcome"], shown["plan_explanation"]["plan"]) == ("ambiguous", None)


async def test_a_tariff_of_tiers_that_fits_as_well_is_listed(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    plan, tariff = a_plan(provider_id, rules(one_price("base", "m3", "2"))), a_tariff(provider_id, (None, "2"))
    shown = await answer(api, tokens, database, january(provider_id, "10", 2_000), plan, tariff)
    assert shown["plan_explanation"]["outcome"] == "ambiguous"
    assert [each["tariff_id"] for each in shown["explanation"]["also_fits"]] == [str(plan.tariff_id)]
    listed = [(each["tariff_id"], each["code"]) for each in shown["plan_explanation"]["candidates"]]
    assert listed == [(str(plan.tariff_id), "base"), (str(tariff.tariff_id), None)]


async def test_a_stated_class_unit_or_plan_decides(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    price = rules(one_price("base", "m3", "2"))
    home, shop = a_plan(provider_id, price), a_plan(provider_id, price, customer_class="non_residential")
    await save(database, home, shop, a_plan(provider_id, rules(one_price("heat", "GJ", "2")), code="heat"))
    for stated, plan in (
        ({"customer_class": "residential", "unit": "m3"}, home),
        ({"customer_class": "non_residential"}, shop),
        ({"tariff_id": shop.tariff_id}, shop),
    ):
        shown = (await answer(api, tokens, database, january(provider_id, "10", 2_000, **stated)))["plan_explanation"]
        assert (shown["outcome"], shown["stated"]) == ("explained", True)
        assert shown["plan"]["tariff_id"] == str(plan.tariff_id)


async def test_a_withdrawn_plan_a_strangers_and_one_of_later_explain_nothing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    await save(database, a_plan(new_id()), a_plan(provider_id, withdrawn_at=now()))
    later = a_plan(provider_id, effective_from=date(2026, 1, 2), code="later")
    shown = await answer(api, tokens, database, january(provider_id, "10", 2_000), later)
    assert shown["plan_explanation"] is None
    bill = january(provider_id, "10", 2_000, tariff_id=later.tariff_id)
    named = await answer(api, tokens, database, bill)
    assert (named["plan_explanation"]["outcome"], named["stated_tariff_unknown"]) == ("not_in_force", False)
    unknown = await answer(api, tokens, database, january(provider_id, "10", 2_000, tariff_id=new_id()))
    assert (unknown["plan_explanation"], unknown["stated_tariff_unknown"]) == (None, True)


async def test_what_the_bill_does_not_state_is_named(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    shown = await answer(
        api, tokens, database, january(provider_id, "10", 2_000), a_plan(provider_id, examples.HEATING_BY_METER)
    )
    explained = shown["plan_explanation"]
    assert (explained["outcome"], explained["plan"]) == ("incomplete", None)
    assert [each["missing"] for each in explained["candidates"]] == ["unit"]


@pytest.mark.parametrize(
    ("change", "details", "lines"),
    [
        ("by_day", "", [1_500, 3_200]),
        ("by_reading", "read.2026-01-16.m3=20", [2_000, 2_200]),
        ("by_reading", "", None),
    ],
)
async def test_a_price_change_within_the_period_is_split_as_the_tariff_says(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    change: str,
    details: str,
    lines: list[int] | None,
) -> None:
    old = a_plan(provider_id, rules(one_price("base", "m3", "1"), change=change))
    new = a_plan(provider_id, rules(one_price("base", "m3", "2"), change=change), effective_from=date(2026, 1, 16))
    bill = january(provider_id, "31", sum(lines or [1]), usage_details=details or None)
    shown = await answer(api, tokens, database, bill, old, new)
    if lines is None:
        assert shown["plan_explanation"]["candidates"][0]["missing"] == "readings: m3, 2026-01-16"
        return
    assert lines_of(shown) == lines
    applied = [each["tariff_id"] for each in shown["plan_explanation"]["plan"]["applied"]]
    assert applied == [str(old.tariff_id), str(new.tariff_id)]


async def test_annual_tiers_count_the_earlier_bills_of_the_year_and_name_the_months_without(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    of = {"customer_class": "residential", "unit": "m3"}
    earlier = [
        january(provider_id, "100", 1, **of),
        a_bill(provider_id, period=date(2026, 2, 1), usage=Decimal("70.5"), **of),
        a_bill(provider_id, period=date(2026, 2, 1), usage=Decimal(50), status=BillStatus.VOID, **of),
        a_bill(provider_id, period=date(2025, 12, 1), usage=Decimal(500), **of),
        a_bill(provider_id, period=date(2026, 3, 1), usage=Decimal(9), account_number="1000000013", **of),
        a_bill(provider_id, period=date(2026, 5, 1), usage=Decimal(9), **of),
    ]
    await save(database, *earlier)
    bill = a_bill(provider_id, period=date(2026, 4, 1), usage=Decimal(20), amount_fen=6_240, **of)
    shown = await answer(api, tokens, database, bill, a_plan(provider_id))
    assert shown["plan_explanation"]["outcome"] == "explained"
    plan = shown["plan_explanation"]["plan"]
    assert (plan["unknown_months"], plan["household_unknown"]) == (["2026-03"], True)
    assert lines_of(shown)[:2] == [1_520, 2_520]


async def test_the_usage_of_a_former_holder_is_not_told(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    person = new_id()
    binding = AccountBinding(
        binding_id=new_id(), person_id=person, provider_id=provider_id, account_number="1000000005", role="owner"
    )
    binding.held_from = date(2026, 2, 1)
    bill = a_bill(provider_id, period=date(2026, 2, 1), usage=Decimal(20), amount_fen=5_400)
    await save(database, binding, january(provider_id, "170.5", 1), bill, a_plan(provider_id))
    path = f"/payments/v1/bills/{bill.id}"
    mine = (await api.get(path, headers=tokens.resident(person))).json()["plan_explanation"]["plan"]
    assert (mine["total_fen"], mine["unknown_months"]) == (5_400, ["2026-01"])
    theirs = (await api.get(path, headers=tokens.client(provider_id, "bills:write"))).json()
    assert theirs["plan_explanation"]["plan"]["total_fen"] == 6_240


async def test_rules_of_a_later_type_explain_nothing_and_break_nothing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    plan = a_plan(provider_id, {"components": [{"type": "of_later", "code": "x"}], "change": "by_day"})
    shown = await answer(api, tokens, database, january(provider_id, "10", 2_000), plan)
    assert [each["missing"] for each in shown["plan_explanation"]["candidates"]] == ["rules"]


async def test_many_plans_are_not_tried(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    plans = [a_plan(provider_id, rules(fixed("plan", 100, "bill")), code=f"p{number}") for number in range(101)]
    shown = await answer(api, tokens, database, january(provider_id, "10", 100), *plans)
    assert (shown["plan_explanation"]["outcome"], shown["plan_explanation"]["candidates"]) == ("too_many", [])
    bill = january(provider_id, "10", 100, tariff_id=plans[7].tariff_id)
    assert (await answer(api, tokens, database, bill))["plan_explanation"]["outcome"] == "explained"
