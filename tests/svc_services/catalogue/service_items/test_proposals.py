"""A company drafts what it offers, an operator of its divisions publishes it, and nobody edits it."""

import asyncio
from typing import Any

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from tests.appointments import appoint
from tests.svc_services.catalogue.service_items.items import (
    ITEMS,
    PROPOSALS,
    content,
    decide,
    listed,
    propose,
    published,
    withdraw,
)
from tests.svc_services.catalogue.tariff_plans.plans import day
from tests.svc_services.catalogue.tariff_plans.plans import decide as decide_plan
from tests.svc_services.catalogue.tariff_plans.plans import propose as propose_plan
from tests.svc_services.companies import account_number, approved
from tests.svc_services.providers.connections.companies import connected
from tests.svc_services.providers.connections.test_operator_changes import Operators
from tests.svc_services.providers.own_company.test_own_company import OPERATOR, linked


async def told(database: Database, step: str) -> list[dict[str, Any]]:
    async with database.read() as tx:
        events = await emitted(tx)
    return [each.data for each in events if each.type == f"cn.ili.services.service_item.{step}.v1"]


async def test_a_draft_is_public_once_an_operator_has_published_it(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    provider_id = await approved(api, tokens)
    draft = (await propose(api, tokens, provider_id)).json()
    assert (draft["status"], draft["version"], draft["workflow"]["version"]) == ("proposed", None, 1)
    assert (await api.get(f"{ITEMS}/{draft['item_id']}")).status_code == 404
    assert (await decide(api, tokens, draft["item_id"])).json()["status"] == "published"
    shown = (await api.get(f"{ITEMS}/{draft['item_id']}")).json()
    assert (shown["utility_kind"], shown["version"], shown["ended_at"]) == ("water", 1, None)
    assert shown["content"]["promised_days"] == 20
    workflow = (await api.get(f"/services/v1/workflows/{shown['workflow']['workflow_id']}")).json()
    assert (workflow["application_kind"], workflow["version"]) == ("new_connection", 1)
    (event,) = await told(database, "published")
    assert (event["item_id"], event["promised_days"]) == (draft["item_id"], 20)
    again = await decide(api, tokens, draft["item_id"])
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")


async def test_a_later_version_takes_the_place_of_the_one_before_with_a_trace(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    provider_id = await approved(api, tokens)
    first, second = [await published(api, tokens, provider_id) for _ in range(2)]
    assert (first["version"], second["version"]) == (1, 2)
    old = (await api.get(f"{ITEMS}/{first['item_id']}")).json()
    assert (old["replaced_by"], old["ended_at"] is not None) == (second["item_id"], True)
    assert await listed(api, provider_id=str(provider_id)) == [second["item_id"]]


async def test_a_withdrawn_item_is_no_longer_listed_and_its_number_is_not_given_again(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    provider_id = await approved(api, tokens)
    item = await published(api, tokens, provider_id)
    assert (await withdraw(api, tokens, provider_id, item["item_id"])).json()["status"] == "withdrawn"
    assert await listed(api, provider_id=str(provider_id)) == []
    assert (await api.get(f"{ITEMS}/{item['item_id']}")).json()["ended_at"]
    assert len(await told(database, "withdrawn")) == 1
    assert (await withdraw(api, tokens, provider_id, item["item_id"])).json()["code"] == "illegal_move"
    assert (await published(api, tokens, provider_id))["version"] == 2


async def test_a_refusal_says_why(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    draft = (await propose(api, tokens, provider_id)).json()
    refused = await decide(api, tokens, draft["item_id"], "refuse")
    assert refused.json()["refusal_reason"] == "The document is of another county."
    headers = tokens.client(provider_id, "tariffs:write")
    (mine,) = (await api.get(PROPOSALS, params={"status": "refused"}, headers=headers)).json()["items"]
    assert mine["item_id"] == draft["item_id"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"guide": {"promised_days": 31}}, 422, "promised_days_too_long"),
        ({"guide": {"promised_days": 19}}, 422, "promised_days_too_short"),
        ({"application_kind": "heating_stop"}, 422, "no_workflow"),
        ({"application_kind": "teleport"}, 422, "no_workflow"),
        ({"division_code": "654023"}, 422, "division_not_served"),
        ({"division_code": "999999"}, 422, "division_not_served"),
        ({"provider_id": str(new_id())}, 404, "not_found"),
        ({"guide": {"basis": []}}, 422, "invalid_request"),
        ({"guide": {"channels": []}}, 422, "invalid_request"),
        ({"guide": {"channels": [{"type": "counter"}]}}, 422, "invalid_request"),
        ({"guide": {"materials": [{"name": content()["name"]}] * 31}}, 422, "invalid_request"),
        ({"guide": {"legal_days": True}}, 422, "invalid_request"),
        ({"guide": {"fees": [{"name": content()["name"], "amount_fen": -1, "basis_document": "1"}]}}, 422, None),
        ({"guide": {"name": {"zh": "报装", "en": "x", "kk": "x", "ug": "x"}}}, 422, "invalid_request"),
        ({"guide": {"conditions": [{"zh": "a\u0000", "en": "x", "kk": "سۋ", "ug": "سۇ"}]}}, 422, "invalid_request"),
    ],
)
async def test_what_does_not_fit_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, changes: dict[str, Any], status: int, code: str | None
) -> None:
    refused = await propose(api, tokens, await approved(api, tokens), **changes)
    assert (refused.status_code, refused.json()["code"]) == (status, code or "invalid_request"), refused.text


async def test_people_of_the_company_draft_and_strangers_do_not(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    provider_id, organisation_id = await approved(api, tokens), new_id()
    await linked(database, provider_id, organisation_id)
    own, stranger = (tokens.staff(OPERATOR, organisation_id=each) for each in (organisation_id, new_id()))
    draft = await propose(api, tokens, provider_id, own, provider_id=str(provider_id))
    assert (draft.status_code, draft.json()["proposed_by"] is not None) == (201, True), draft.text
    assert (await propose(api, tokens, provider_id, own)).status_code == 404
    assert (await propose(api, tokens, provider_id, stranger, provider_id=str(provider_id))).status_code == 404
    seen = [(await api.get(PROPOSALS, headers=each)).json()["items"] for each in (own, stranger)]
    assert [len(each) for each in seen] == [1, 0]
    item_id = draft.json()["item_id"]
    assert (await withdraw(api, tokens, provider_id, item_id, stranger)).status_code == 404
    assert (await withdraw(api, tokens, new_id(), item_id)).status_code == 404
    assert (await withdraw(api, tokens, provider_id, item_id, own)).json()["status"] == "withdrawn"


async def test_an_operator_of_another_division_decides_nothing(api: httpx.AsyncClient, tokens: Tokens) -> None:
    draft = (await propose(api, tokens, await approved(api, tokens))).json()
    refused = await decide(api, tokens, draft["item_id"], by=tokens.staff("operator", division_code="654002"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_division")


async def test_an_operator_with_a_role_in_the_company_decides_nothing_of_it(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    company, organisation_id, person_id = await connected(api, tokens), new_id(), new_id()
    await linked(database, company.id, organisation_id)
    async with database.transaction() as tx:
        await appoint(tx, person_id, OPERATOR, organisation_id=organisation_id)
    both = tokens.staff("operator", person_id=person_id)
    item = (await propose(api, tokens, company.id)).json()["item_id"]
    plan = (await propose_plan(api, tokens, company.id)).json()["tariff_id"]
    proposed = await Operators(api, tokens).propose(company, action="end_key", kid="k1")
    change = proposed.json()["provider_change_id"]
    path = f"/services/v1/providers/{company.id}/holder-changes"
    ended = {"account_number": account_number(5), "kind": "ended", "effective_on": day(5), "reason": "their letter"}
    holder = (await api.post(path, json=ended, headers=tokens.staff("operator") | once())).json()["holder_change_id"]
    paths = [
        f"{path}/{holder}/approve",
        *(f"{PROPOSALS}/{item}/{step}" for step in ("publish", "refuse")),
        *(f"/services/v1/tariff-proposals/{plan}/{step}" for step in ("publish", "refuse")),
        *(f"/services/v1/provider-changes/{change}/{step}" for step in ("approve", "reject")),
    ]
    for path in paths:
        body = {"reason": "because"} if path.endswith("refuse") else None
        refused = await api.post(path, json=body, headers=both | once())
        assert (refused.status_code, refused.json()["code"]) == (403, "own_company"), path
    assert (await decide(api, tokens, item)).status_code == 200
    assert (await decide_plan(api, tokens, plan)).status_code == 200


async def test_nothing_of_a_suspended_company_is_published(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company = await connected(api, tokens)
    draft = (await propose(api, tokens, company.id)).json()
    assert (await Operators(api, tokens).suspend(company)).status_code < 300
    refused = await decide(api, tokens, draft["item_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "company_suspended")
    assert (await propose(api, tokens, company.id)).status_code == 403


async def test_of_two_versions_published_at_once_one_is_in_force(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    drafts = [(await propose(api, tokens, provider_id)).json()["item_id"] for _ in range(4)]
    answers = await asyncio.gather(*(decide(api, tokens, each) for each in drafts))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["version"] for answer in answers) == [1, 2, 3, 4]
    assert len(await listed(api, provider_id=str(provider_id))) == 1


async def test_one_draft_is_decided_once(api: httpx.AsyncClient, tokens: Tokens) -> None:
    draft = (await propose(api, tokens, await approved(api, tokens))).json()["item_id"]
    steps = ("publish", "refuse", "publish", "refuse")
    answers = await asyncio.gather(*(decide(api, tokens, draft, step) for step in steps))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
