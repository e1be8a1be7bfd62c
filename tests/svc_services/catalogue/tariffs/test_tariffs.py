"""Providers publish tariffs; everyone reads the tariffs in force."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import time_machine

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from kit.calendar import today
from tests.svc_services.catalogue.tariffs.test_decimals import tariff as right_tariff
from tests.svc_services.companies import TARIFFS, approved


def day(later: int) -> str:
    return (today() + timedelta(days=later)).isoformat()


def tariff(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return right_tariff(**{"effective_from": day(0), **changes})


async def publish(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    **changes: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    headers = tokens.client(provider_id, "tariffs:write") | once()
    answer = await api.post(TARIFFS, json=tariff(**changes), headers=headers)
    assert answer.status_code == 201, answer.text
    published: dict[str, Any] = answer.json()
    return published


async def listed(api: httpx.AsyncClient, **filters: str) -> list[str]:
    return [item["tariff_id"] for item in (await api.get(TARIFFS, params=filters)).json()["items"]]


async def test_a_provider_publishes_and_everyone_reads(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    provider_id = await approved(api, tokens)
    published = await publish(api, tokens, provider_id)
    assert (published["version"], published["provider_id"]) == (1, str(provider_id))
    assert published["tiers"] == [{"up_to": "180", "unit_price": "2.30"}, {"up_to": None, "unit_price": "4.60"}]
    assert (await api.get(TARIFFS)).json()["items"] == [published]
    assert (await api.get(f"{TARIFFS}/{published['tariff_id']}")).json() == published
    async with database.read() as tx:
        event = (await emitted(tx))[-1]
    assert (event.type, event.key) == ("cn.ili.services.tariff.published.v1", published["tariff_id"])
    unsaid = {"version", "published_at", "withdrawn_at", "replaced_by"}
    assert event.data == {name: value for name, value in published.items() if name not in unsaid}


async def test_a_later_version_is_in_force_from_its_day(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    now = await publish(api, tokens, provider_id)
    summer = await publish(api, tokens, provider_id, effective_from=day(90))
    spring = await publish(api, tokens, provider_id, effective_from=day(30))
    assert [version["version"] for version in (now, summer, spring)] == [1, 2, 3]
    holds = {later: await listed(api, on=day(later)) for later in (-1, 0, 29, 30, 89, 90, 9000)}
    first, middle, last = now["tariff_id"], spring["tariff_id"], summer["tariff_id"]
    assert holds == {-1: [], 0: [first], 29: [first], 30: [middle], 89: [middle], 90: [last], 9000: [last]}
    assert len(await listed(api)) == 3


async def test_classes_and_units_have_tariffs_of_their_own(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens, kind="heating")
    by_area = await publish(api, tokens, provider_id, kind="heating", unit="m2")
    by_meter = await publish(api, tokens, provider_id, kind="heating", unit="GJ")
    shops = await publish(api, tokens, provider_id, kind="heating", unit="m2", customer_class="commercial")
    assert [item["version"] for item in (by_area, by_meter, shops)] == [1, 1, 1]
    assert len(await listed(api, on=day(0))) == 3


async def test_a_day_has_one_tariff(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    await publish(api, tokens, provider_id)
    headers = tokens.client(provider_id, "tariffs:write") | once()
    again = await api.post(TARIFFS, json=tariff(fixed_fee_fen=0), headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "tariff_date_taken")
    assert again.json()["effective_from"] == day(0)


async def test_concurrent_tariffs_for_one_day_publish_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    provider_id = await approved(api, tokens)
    bearer = tokens.client(provider_id, "tariffs:write")
    same_day = await asyncio.gather(*(api.post(TARIFFS, json=tariff(), headers=bearer | once()) for _ in range(4)))
    assert sorted(answer.status_code for answer in same_day) == [201, 409, 409, 409]
    other_days = await asyncio.gather(
        *(api.post(TARIFFS, json=tariff(effective_from=day(n)), headers=bearer | once()) for n in range(1, 5))
    )
    assert sorted(answer.json()["version"] for answer in other_days) == [2, 3, 4, 5]
    async with database.read() as tx:
        assert sum(event.type.endswith("tariff.published.v1") for event in await emitted(tx)) == 5


async def test_a_retry_publishes_nothing_new(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    headers = tokens.client(provider_id, "tariffs:write") | once()
    first = await api.post(TARIFFS, json=tariff(), headers=headers)
    second = await api.post(TARIFFS, json=tariff(), headers=headers)
    assert (second.status_code, second.json(), second.headers["idempotency-replayed"]) == (201, first.json(), "true")


async def test_today_is_the_day_in_china(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    with time_machine.travel("2030-06-01T16:30:00+00:00", tick=False):  # half past midnight of the 2nd there
        headers = tokens.client(provider_id, "tariffs:write")
        await publish(api, tokens, provider_id, effective_from="2029-01-01")
        yesterday = await api.post(TARIFFS, json=tariff(effective_from="2030-06-01"), headers=headers | once())
        now = await api.post(TARIFFS, json=tariff(effective_from="2030-06-02"), headers=headers | once())
    assert (yesterday.status_code, yesterday.json()["today"], now.status_code) == (422, "2030-06-02", 201)


async def test_a_client_that_is_no_provider_cannot_publish(api: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await api.post(TARIFFS, json=tariff(), headers=tokens.client(new_id(), "tariffs:write") | once())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_a_company_of_the_whole_prefecture_serves_every_county(api: httpx.AsyncClient, tokens: Tokens) -> None:
    everywhere = await approved(api, tokens, division_codes=["654000"])
    await approved(api, tokens, kind="gas", division_codes=["654003"])
    published = (await publish(api, tokens, everywhere))["tariff_id"]
    assert await listed(api, division_code="654021") == [published]
    companies = (await api.get("/services/v1/providers", params={"division_code": "654021"})).json()["items"]
    assert [company["provider_id"] for company in companies] == [str(everywhere)]


async def test_the_public_list_is_filtered_and_paged(api: httpx.AsyncClient, tokens: Tokens) -> None:
    water = await approved(api, tokens, division_codes=["654002"])
    gas = await approved(api, tokens, kind="gas", division_codes=["654003", "654002"])
    tariffs = [(await publish(api, tokens, water, effective_from=day(n)))["tariff_id"] for n in range(3)]
    other = (await publish(api, tokens, gas, kind="gas"))["tariff_id"]
    assert await listed(api, provider_id=str(water)) == tariffs
    assert await listed(api, kind="gas") == [other]
    assert await listed(api, division_code="654003") == [other]
    assert await listed(api, division_code="654002", on=day(0)) == [tariffs[0], other]
    assert await listed(api, provider_id=str(new_id())) == []
    nowhere = await api.get(TARIFFS, params={"division_code": "999999"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "unknown_division")
    first = (await api.get(TARIFFS, params={"limit": 3})).json()
    rest = (await api.get(TARIFFS, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [item["tariff_id"] for item in first["items"] + rest["items"]] == [*tariffs, other]
    assert rest["next_cursor"] is None


async def test_the_public_list_changes_its_etag_with_its_content(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    await publish(api, tokens, provider_id)
    first = await api.get(TARIFFS)
    known = {"If-None-Match": first.headers["etag"]}
    assert (await api.get(TARIFFS, headers=known)).status_code == 304
    await publish(api, tokens, provider_id, effective_from=day(1))
    second = await api.get(TARIFFS, headers=known)
    assert (second.status_code, len(second.json()["items"])) == (200, 2)
    assert second.headers["etag"] != first.headers["etag"]
    assert second.headers["cache-control"] == "public, max-age=60"


async def test_an_unknown_tariff_is_not_found(api: httpx.AsyncClient) -> None:
    assert (await api.get(f"{TARIFFS}/{new_id()}")).status_code == 404
