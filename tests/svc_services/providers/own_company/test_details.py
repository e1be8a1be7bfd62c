"""After the approval the company asks for other divisions, name, contract and limits, and two operators decide."""

import asyncio
from typing import Any

import httpx
import pytest_asyncio

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from svc_services.providers.applications.models import ProviderApplication
from tests.svc_services.providers.connections.companies import CHANGES, connected
from tests.svc_services.providers.own_company.test_own_company import Staffed, linked

NEW: dict[str, Any] = {
    "action": "correct_details",
    "name": "更名供水有限公司",
    "division_codes": ["654003", "654002"],
    "contract": {"number": "YL-2026-019", "signed_on": "2026-05-01"},
    "requests_per_minute": 900,
}


@pytest_asyncio.fixture
async def staffed(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> Staffed:
    company, organisation_id = await connected(api, tokens), new_id()
    await linked(database, company.id, organisation_id)
    return Staffed(api, tokens, company, organisation_id, new_id())


async def decide(
    api: httpx.AsyncClient,
    tokens: Tokens,
    change: httpx.Response,
    what: str = "approve",
    **who: Any,  # noqa: ANN401 - claims
) -> tuple[int, str]:
    path = f"{CHANGES}/{change.json()['provider_change_id']}/{what}"
    answer = await api.post(path, headers=tokens.staff("operator", **who) | once())
    return answer.status_code, answer.json().get("code") or answer.json()["status"]


async def test_a_company_asks_for_other_details_and_two_operators_decide(
    api: httpx.AsyncClient, tokens: Tokens, staffed: Staffed, database: Database
) -> None:
    before, first = await staffed.shown(), new_id()
    asked = await staffed.change(**NEW)
    assert (asked.status_code, asked.json()["status"]) == (201, "proposed")
    assert await decide(api, tokens, asked, person_id=first, division_code="654002") == (403, "not_your_division")
    assert await decide(api, tokens, asked, person_id=first) == (200, "proposed")
    assert await decide(api, tokens, asked, person_id=first) == (403, "second_person_needed")
    assert await staffed.shown() == before
    assert await decide(api, tokens, asked) == (200, "approved")
    shown = await staffed.shown()
    assert (shown["name"], shown["division_codes"]) == (NEW["name"], ["654002", "654003"])
    assert (shown["keys"], shown["suspended_at"]) == (before["keys"], None)
    async with database.read() as tx:
        application = await tx.get_one(ProviderApplication, staffed.company.id)
        assert (application.contract, application.requests_per_minute) == (NEW["contract"], 900)
        event = (await emitted(tx))[-1]
    assert (event.type, event.data["name"]) == ("cn.ili.services.provider.updated.v1", NEW["name"])


async def test_one_operator_who_approves_twice_at_once_is_one_person(
    api: httpx.AsyncClient, tokens: Tokens, staffed: Staffed
) -> None:
    asked, alone = await staffed.change(**NEW), new_id()
    answers = await asyncio.gather(*(decide(api, tokens, asked, person_id=alone) for _ in range(3)))
    assert sorted(answers) == [(200, "proposed"), (403, "second_person_needed"), (403, "second_person_needed")]


async def test_an_operators_proposal_and_the_companys_own_rights(
    api: httpx.AsyncClient, tokens: Tokens, staffed: Staffed
) -> None:
    body = {"reason": "asked by letter", **NEW}
    path = f"{staffed.company.path}/changes"
    proposed = await api.post(path, json=body, headers=tokens.staff("operator") | once())
    assert await decide(api, tokens, proposed) == (200, "approved")
    outdated = await staffed.company.change(api, **{**NEW, "name": "另一家"})
    assert await decide(api, tokens, outdated, "reject") == (200, "rejected")
    for bad in (
        {"action": "correct_details"},
        {**NEW, "division_codes": ["110000"]},
        {**NEW, "division_codes": []},
        {**NEW, "requests_per_minute": 0},
        {**NEW, "uscc": "91654002000000001X"},
        {**NEW, "contract": {"number": "1", "signed_on": "9999-12-31"}},
    ):
        assert (await staffed.change(**bad)).status_code == 422, bad
