"""A company proposes, an operator of its divisions publishes, and nobody changes it afterwards."""

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import time_machine

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, emitted, once
from kit.calendar import today
from tests.appointments import appoint
from tests.kit.tariffs import examples
from tests.kit.tariffs.examples import fixed, one_price, rules
from tests.svc_services.catalogue.tariff_plans.plans import (
    PLANS,
    PROPOSALS,
    day,
    decide,
    plan,
    propose,
    published,
    withdraw,
)
from tests.svc_services.companies import approved


async def test_a_proposal_is_public_once_an_operator_has_published_it(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    provider_id = await approved(api, tokens)
    proposed = (await propose(api, tokens, provider_id)).json()
    path = f"{PLANS}/{proposed['tariff_id']}"
    assert (proposed["status"], (await api.get(path)).status_code) == ("proposed", 404)
    assert (await api.get(PLANS)).json()["items"] == []
    done = await decide(api, tokens, proposed["tariff_id"])
    assert (done.status_code, done.json()["status"], done.json()["version"]) == (200, "published", 1)
    shown = (await api.get(path)).json()
    assert (await api.get(PLANS)).json()["items"] == [shown]
    assert shown["rules"]["components"][0]["tiers"][0] == {
        "up_to": "180",
        "unit_price": "1.60",
        "per_extra_person": "45",
    }
    async with database.read() as tx:
        event = (await emitted(tx))[-1]
    assert (event.type, event.key) == ("cn.ili.services.tariff_plan.published.v1", proposed["tariff_id"])
    assert event.data["rules"] == shown["rules"]


async def test_only_an_operator_of_all_divisions_of_the_company_decides(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)  # of 654002 and 654021
    tariff_id = (await propose(api, tokens, provider_id)).json()["tariff_id"]
    beyond = await decide(api, tokens, tariff_id, division_code="654002")
    assert (beyond.status_code, beyond.json()["code"]) == (403, "not_your_division")
    own = await api.post(
        f"{PROPOSALS}/{tariff_id}/publish", headers=tokens.client(provider_id, "tariffs:write", "staff") | once()
    )
    assert own.status_code == 403
    assert (await decide(api, tokens, tariff_id, division_code="654000")).status_code == 200


async def test_a_decision_stands(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    tariff_id = (await propose(api, tokens, provider_id)).json()["tariff_id"]
    refused = await decide(api, tokens, tariff_id, "refuse")
    assert (refused.json()["status"], refused.json()["refusal_reason"]) == (
        "refused",
        "The document is of another county.",
    )
    assert [(await decide(api, tokens, tariff_id, step)).status_code for step in ("publish", "refuse")] == [409, 409]
    assert (await withdraw(api, tokens, provider_id, tariff_id)).status_code == 409
    assert (await api.get(f"{PLANS}/{tariff_id}")).status_code == 404


async def test_a_plan_is_withdrawn_before_its_day_and_not_after(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    provider_id = await approved(api, tokens)
    now = await published(api, tokens, provider_id)
    later = await published(api, tokens, provider_id, effective_from=day(30))
    refused = await withdraw(api, tokens, provider_id, now["tariff_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "tariff_in_force")
    assert (await withdraw(api, tokens, await approved(api, tokens), later["tariff_id"])).status_code == 404
    assert (await withdraw(api, tokens, provider_id, later["tariff_id"])).json()["status"] == "withdrawn"
    trace = (await api.get(f"{PLANS}/{later['tariff_id']}")).json()
    assert trace["withdrawn_at"]
    assert [item["tariff_id"] for item in (await api.get(PLANS)).json()["items"]] == [now["tariff_id"]]
    async with database.read() as tx:
        assert (await emitted(tx))[-1].type == "cn.ili.services.tariff_plan.withdrawn.v1"


async def test_a_replaced_plan_gives_way_when_the_other_is_published(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    wrong = await published(api, tokens, provider_id, effective_from=day(30))
    right = await propose(api, tokens, provider_id, effective_from=day(30), replaces=wrong["tariff_id"])
    assert (await api.get(f"{PLANS}/{wrong['tariff_id']}")).json()["withdrawn_at"] is None
    assert (await decide(api, tokens, right.json()["tariff_id"])).json()["version"] == 2
    trace = (await api.get(f"{PLANS}/{wrong['tariff_id']}")).json()
    assert (bool(trace["withdrawn_at"]), trace["replaced_by"]) == (True, right.json()["tariff_id"])
    again = await propose(api, tokens, provider_id, effective_from=day(31), replaces=wrong["tariff_id"])
    assert (again.status_code, again.json()["code"]) == (409, "tariff_withdrawn")


async def test_time_is_not_turned_back_and_no_day_is_taken_twice(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    waiting = (await propose(api, tokens, provider_id, effective_from=day(1))).json()["tariff_id"]
    also = (await propose(api, tokens, provider_id, effective_from=day(1))).json()["tariff_id"]
    await published(api, tokens, provider_id, effective_from=day(-300))
    past = await propose(api, tokens, provider_id, effective_from=day(-1))
    assert (past.status_code, past.json()["code"]) == (422, "effective_from_in_the_past")
    assert (await decide(api, tokens, waiting)).status_code == 200
    for taken in (await decide(api, tokens, also), await propose(api, tokens, provider_id, effective_from=day(1))):
        assert (taken.status_code, taken.json()["code"]) == (409, "tariff_date_taken")


async def test_a_proposal_that_waits_too_long_is_not_published(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    await published(api, tokens, provider_id)
    tariff_id = (await propose(api, tokens, provider_id, effective_from=day(1))).json()["tariff_id"]
    with time_machine.travel(f"{day(2)}T04:00:00+00:00", tick=False):
        late = await decide(api, tokens, tariff_id)
    assert (late.status_code, late.json()["code"]) == (422, "effective_from_in_the_past")


async def test_far_and_unusual_values_need_a_confirmation(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    await published(api, tokens, provider_id, rules=rules(one_price("base", "m3", "2.30")))
    far = (today() + timedelta(days=800)).isoformat()
    doubtful: list[tuple[dict[str, Any], *tuple[str, ...]]] = [
        ({"effective_from": far}, f"effective_from: {far}"),
        ({"rules": rules(one_price("base", "m3", "0"))}, "base/tiers/1: 2.30 -> 0.00"),
        ({"rules": rules(one_price("base", "m3", "23"))}, "base/tiers/1: 2.30 -> 23.00"),
        ({"rules": rules(one_price("base", "m3", "0.23"))}, "base/tiers/1: 2.30 -> 0.23"),
        ({"rules": rules(one_price("new", "m3", "999"))}, "new/tiers/1: 999.00", "base/tiers/1: 2.30 -> "),
        ({"rules": rules(fixed("all", 100_000_000, "bill"))}, "all/amount: 1000000.00", "base/tiers/1: 2.30 -> "),
    ]
    for changes, *doubts in doubtful:
        changed = {"effective_from": day(1), "rules": rules(one_price("base", "m3", "2.50")), **changes}
        refused = await propose(api, tokens, provider_id, **changed)
        assert (refused.status_code, refused.json()["code"]) == (422, "tariff_confirmation_needed"), doubts
        assert refused.json()["doubts"] == doubts
        assert (await propose(api, tokens, provider_id, **changed, confirmed=True)).status_code == 201
    usual = rules(one_price("base", "m3", "22.99"))
    assert (await propose(api, tokens, provider_id, effective_from=day(1), rules=usual)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "gas"}, "foreign_kind"),
        ({"customer_class": "large_industry"}, "class_does_not_fit"),
        ({"rules": examples.COMBINED_METER}, "unit_does_not_fit"),
        ({"rules": examples.HEATING_BY_AREA}, "unit_does_not_fit"),
        ({"replaces": str(new_id())}, "not_found"),
        ({"rules": rules(examples.TIERED, examples.TIERED)}, "invalid_request"),
        ({"basis_document": ""}, "invalid_request"),
    ],
    ids=("kind", "class", "unit", "area", "replaces", "rules", "document"),
)
async def test_what_does_not_fit_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, changes: dict[str, Any], code: str
) -> None:
    refused = await propose(api, tokens, await approved(api, tokens), **changes)
    assert refused.json()["code"] == code


async def test_a_definition_is_refused_in_the_language_of_the_reader(api: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.client(await approved(api, tokens), "tariffs:write") | once() | {"Accept-Language": "ug"}
    refused = await api.post(PROPOSALS, json=plan(rules=rules(examples.TIERED, examples.TIERED)), headers=headers)
    assert [error["reason"] for error in refused.json()["errors"]] == ["ھەر بىر تەركىبنىڭ ئۆز code ى بولۇشى كېرەك"]


async def test_a_company_lists_its_own_proposals_and_an_operator_those_of_the_divisions(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    one, other = await approved(api, tokens, division_codes=["654002"]), await approved(api, tokens)
    mine, theirs = [(await propose(api, tokens, each)).json()["tariff_id"] for each in (one, other)]
    for headers, seen in (
        (tokens.client(one, "tariffs:write"), [mine]),
        (tokens.staff("operator", division_code="654002"), [mine]),
        (tokens.staff("operator"), [theirs, mine]),
    ):
        found = (await api.get(PROPOSALS, headers=headers, params={"status": "proposed"})).json()["items"]
        assert [item["tariff_id"] for item in found] == seen
    assert (await api.get(PROPOSALS, headers=tokens.resident())).status_code == 403


async def test_a_proposal_is_made_on_a_leap_day(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    with time_machine.travel("2032-02-29T04:00:00+00:00", tick=False):
        assert (await propose(api, tokens, provider_id, effective_from=str(date(2033, 3, 1)))).status_code == 201


async def test_an_operator_of_today_publishes_nothing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    proposed = (await propose(api, tokens, await approved(api, tokens))).json()
    person_id, organisation_id = new_id(), new_id()
    async with database.transaction() as tx:
        soon = now() + timedelta(hours=1)
        await appoint(tx, person_id, "operator", organisation_id=organisation_id, granted_at=now(), second_from=soon)
    headers = tokens.staff("operator", person_id=person_id, organisation_id=organisation_id) | once()
    refused = await api.post(f"{PROPOSALS}/{proposed['tariff_id']}/publish", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_too_new")


async def test_two_proposals_for_one_day_are_published_once(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    waiting = [(await propose(api, tokens, provider_id)).json()["tariff_id"] for _ in range(3)]
    decided = await asyncio.gather(*(decide(api, tokens, tariff_id) for tariff_id in waiting))
    assert sorted(answer.status_code for answer in decided) == [200, 409, 409]


async def test_a_suspended_company_proposes_nothing_and_withdraws_nothing(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    provider_id = await approved(api, tokens)
    tariff_id = (await propose(api, tokens, provider_id)).json()["tariff_id"]
    suspended = await api.post(
        f"/services/v1/providers/{provider_id}/suspend",
        json={"reason": "A key leaked."},
        headers=tokens.staff("operator") | once(),
    )
    assert suspended.status_code < 300, suspended.text
    refused = [await propose(api, tokens, provider_id), await withdraw(api, tokens, provider_id, tariff_id)]
    assert [answer.status_code for answer in refused] == [403, 403]
    published_anyway = await decide(api, tokens, tariff_id)
    assert (published_anyway.status_code, published_anyway.json()["code"]) == (409, "company_suspended")
