"""A future tariff with a mistake is withdrawn or replaced before its day."""

import asyncio

import httpx
import time_machine

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from tests.svc_services.catalogue.tariffs.test_tariffs import day, listed, publish, tariff
from tests.svc_services.companies import TARIFFS, approved


async def withdraw(api: httpx.AsyncClient, headers: dict[str, str], tariff_id: str) -> httpx.Response:
    return await api.post(f"{TARIFFS}/{tariff_id}/withdraw", headers=headers | once())


async def test_a_withdrawn_tariff_is_never_in_force(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    provider_id = await approved(api, tokens)
    headers = tokens.client(provider_id, "tariffs:write")
    now, later = await publish(api, tokens, provider_id), await publish(api, tokens, provider_id, effective_from=day(9))
    answer = await withdraw(api, headers, later["tariff_id"])
    assert (answer.status_code, answer.json()["withdrawn_at"] is not None) == (200, True)
    assert await listed(api, on=day(20)) == [now["tariff_id"]] == await listed(api)
    assert (await api.get(f"{TARIFFS}/{later['tariff_id']}")).json() == answer.json()
    again = await withdraw(api, headers, later["tariff_id"])
    assert (again.status_code, again.json()["code"]) == (409, "tariff_withdrawn")
    async with database.read() as tx:
        event = (await emitted(tx))[-1]
    assert (event.type, event.key) == ("cn.ili.services.tariff.withdrawn.v1", later["tariff_id"])
    assert event.data["replaced_by"] is None
    corrected = await publish(api, tokens, provider_id, effective_from=day(9))
    assert corrected["version"] == 3


async def test_a_tariff_is_replaced_on_its_own_day_in_one_step(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    provider_id = await approved(api, tokens)
    await publish(api, tokens, provider_id)
    wrong = await publish(api, tokens, provider_id, effective_from=day(9))
    tiers = [{"up_to": None, "unit_price": "2.31"}]
    right = await publish(api, tokens, provider_id, effective_from=day(9), tiers=tiers, replaces=wrong["tariff_id"])
    assert await listed(api, on=day(9)) == [right["tariff_id"]]
    assert (await api.get(f"{TARIFFS}/{wrong['tariff_id']}")).json()["replaced_by"] == right["tariff_id"]
    async with database.read() as tx:
        events = [(event.type.split(".")[-2], event.key) for event in (await emitted(tx))[-2:]]
    assert events == [("published", right["tariff_id"]), ("withdrawn", wrong["tariff_id"])]


async def test_from_its_day_on_a_tariff_stays(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    now, later = await publish(api, tokens, provider_id), await publish(api, tokens, provider_id, effective_from=day(1))
    headers = tokens.client(provider_id, "tariffs:write")
    refused = await withdraw(api, headers, now["tariff_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "tariff_in_force")
    body = tariff(effective_from=day(5), replaces=now["tariff_id"])
    replacing = await api.post(TARIFFS, json=body, headers=headers | once())
    assert (replacing.status_code, replacing.json()["code"]) == (409, "tariff_in_force")
    with time_machine.travel(f"{day(1)}T00:00:01+08:00"):
        headers = tokens.client(provider_id, "tariffs:write")
        midnight = await withdraw(api, headers, later["tariff_id"])
    assert (midnight.status_code, midnight.json()["code"]) == (409, "tariff_in_force")


async def test_only_the_publisher_withdraws_and_replaces_of_the_same_class(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    provider_id, other = await approved(api, tokens), await approved(api, tokens)
    await publish(api, tokens, provider_id)
    later = await publish(api, tokens, provider_id, effective_from=day(9))
    stranger, own = (tokens.client(each, "tariffs:write") for each in (other, provider_id))
    assert (await withdraw(api, stranger, later["tariff_id"])).status_code == 404
    assert (await withdraw(api, own, str(new_id()))).status_code == 404
    assert (await withdraw(api, tokens.client(provider_id, "bills:write"), later["tariff_id"])).status_code == 403
    body = tariff(effective_from=day(9), customer_class="commercial", replaces=later["tariff_id"])
    answer = await api.post(TARIFFS, json=body, headers=own | once())
    assert (answer.status_code, answer.json()["code"]) == (422, "replaces_another_tariff")
    assert later["tariff_id"] in await listed(api)


async def test_concurrent_replacements_leave_one(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    await publish(api, tokens, provider_id)
    later = await publish(api, tokens, provider_id, effective_from=day(9))
    headers = tokens.client(provider_id, "tariffs:write")
    body = tariff(effective_from=day(9), replaces=later["tariff_id"])
    answers = await asyncio.gather(*(api.post(TARIFFS, json=body, headers=headers | once()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await listed(api, on=day(9))) == 1
