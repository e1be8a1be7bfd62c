"""Before a key of a company ends by itself, an event and a list say so, and who can add the next one."""

from typing import Any

import httpx

from chassis.db import Database
from chassis.testing import Tokens, emitted, once
from svc_services.providers.key_expiry.service import warn
from tests.svc_services.providers.connections.companies import Company, connected, new_key, public
from tests.svc_services.providers.connections.test_key_terms import end_now, in_days

LIST = "/services/v1/expiring-keys"


async def warnings(database: Database) -> list[dict[str, Any]]:
    await warn(database)
    async with database.read() as tx:
        return [event.data for event in await emitted(tx) if event.type.endswith("provider.key_expiring.v1")]


async def with_key_until(api: httpx.AsyncClient, company: Company, days: float) -> None:
    content = {"action": "add_key", "key": public(new_key("k2")), "valid_until": in_days(days)}
    assert (await company.change(api, None, **content)).status_code == 201


async def listed(api: httpx.AsyncClient, tokens: Tokens, company: Company, days: int = 30) -> dict[str, Any] | None:
    answer = await api.get(LIST, params={"within_days": days}, headers=tokens.staff("auditor"))
    assert answer.status_code == 200, answer.text
    return next((each for each in answer.json()["items"] if each["provider_id"] == str(company.id)), None)


async def test_a_key_that_ends_soon_is_announced_once_at_each_stage(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    company = await connected(api, tokens)
    await with_key_until(api, company, 31)
    assert await warnings(database) == []
    for count, days in enumerate((29, 28, 6, 0.5), start=1):
        await company.change(api, action="limit_key", kid="k2", valid_until=in_days(days))
        found = await warnings(database)
        assert [(each["kid"], each["to_act"]) for each in found] == [("k2", "company")] * count
    assert await warnings(database) == found
    await end_now(database, company, "k2")
    assert await warnings(database) == found


async def test_operators_see_which_keys_end_and_who_is_to_act(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    company = await connected(api, tokens)
    await with_key_until(api, company, 20)
    assert await listed(api, tokens, company, days=10) is None
    entry = await listed(api, tokens, company)
    assert entry is not None
    assert (entry["to_act"], [key["kid"] for key in entry["keys"]]) == ("company", ["k2"])
    body = {"reason": "its calls come from elsewhere"}
    await api.post(f"{company.path}/suspend", json=body, headers=tokens.staff("operator") | once())
    suspended = await listed(api, tokens, company)
    assert suspended is not None
    assert suspended["to_act"] == "operators"


async def test_a_company_without_a_key_in_force_needs_operators(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    company = await connected(api, tokens)
    await end_now(database, company, "k1")
    entry = await listed(api, tokens, company, days=1)
    assert entry is not None
    assert (entry["to_act"], [key["kid"] for key in entry["keys"]]) == ("operators", ["k1"])


async def test_companies_do_not_read_the_list(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company = await connected(api, tokens)
    answer = await api.get(LIST, headers=tokens.client(company.id, "bills:write", key=company.key.thumbprint()))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
