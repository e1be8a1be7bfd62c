"""A misrouted case goes to the right queue in one step, with its number and the days that it has used."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest_asyncio
import time_machine

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_services.cases.routings.service import MOST_ROUTINGS
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    FORM,
    KUYTUN,
    QUEUE,
    RECEIVED,
    YINING,
    Case,
    Headers,
    acted,
    bound,
    claim,
    clerk,
    decided,
    outcome,
    post,
    provider,
    submitted,
)
from tests.svc_services.companies import approved

MONDAY = date(2026, 3, 2)


@pytest_asyncio.fixture
async def there(api: httpx.AsyncClient, tokens: Tokens) -> UUID:
    """A water company of Kuytun."""
    return await approved(api, tokens, division_codes=[KUYTUN])


async def route(
    api: httpx.AsyncClient, headers: Headers, case: Case, provider_id: UUID | str, division_code: str = KUYTUN
) -> httpx.Response:
    wanted = {"division_code": division_code, "provider_id": str(provider_id), "reason": "the house is in Kuytun"}
    return await post(api, f"{QUEUE}/{case['application_id']}/route", headers, wanted, case["version"])


async def listed(api: httpx.AsyncClient, path: str, headers: Headers) -> list[str]:
    return [each["application_id"] for each in (await api.get(path, headers=headers)).json()["items"]]


async def test_a_misrouted_case_moves_with_its_clock(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, there: UUID, person_id: UUID
) -> None:
    with time_machine.travel(f"{MONDAY}T12:00:00+08:00"):
        case = await submitted(api, tokens.resident(person_id), provider_id)
    with time_machine.travel(f"{MONDAY + timedelta(days=2)}T12:00:00+08:00"):
        office, resident = clerk(tokens), tokens.resident(person_id)
        assert (await claim(api, office, case)).status_code == 200
        moved = await route(api, office, case, there)
        assert moved.status_code == 200, moved.text
        mine = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)).json()
        queues = [
            await listed(api, QUEUE, office),
            await listed(api, QUEUE, clerk(tokens, KUYTUN)),
            await listed(api, RECEIVED, provider(tokens, provider_id)),
            await listed(api, RECEIVED, provider(tokens, there)),
        ]
        gone = await api.get(f"{QUEUE}/{case['application_id']}", headers=office)
        assert outcome(gone) == (403, "not_your_division")
        assert (await decided(api, clerk(tokens, KUYTUN), mine, "accept"))["state"] == "accepted"
    assert (mine["consumed_days"], mine["promised_on"]) == (2, case["promised_on"])
    assert (mine["case_number"], mine["state"]) == (case["case_number"], "submitted")
    (routing,) = mine["routings"]
    assert (routing["from_division_code"], routing["to_division_code"]) == (YINING, KUYTUN)
    assert (routing["reason"], mine["steps"][-1]["reason"]) == ("the house is in Kuytun",) * 2
    assert [len(each) for each in queues] == [0, 1, 0, 1]


async def test_only_who_holds_the_case_moves_it(
    api: httpx.AsyncClient,
    tokens: Tokens,
    resident: Headers,
    provider_id: UUID,
    there: UUID,
    person_id: UUID,
) -> None:
    case = await submitted(api, resident, provider_id)
    office, other = clerk(tokens), clerk(tokens)
    assert outcome(await route(api, office, case, there)) == (409, "claim_needed")
    await claim(api, office, case)
    assert outcome(await route(api, other, case, there)) == (409, "claimed_by_another")
    assert outcome(await route(api, clerk(tokens, KUYTUN), case, there)) == (403, "not_your_division")
    own = tokens.staff("clerk", division_code=YINING, person_id=person_id)
    assert outcome(await claim(api, own, case)) == (403, "second_person_needed")
    stale = await route(api, office, {**case, "version": case["version"] - 1}, there)
    assert outcome(stale) == (412, "edited_meanwhile")
    answers = await asyncio.gather(*(route(api, office, case, there) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [200, 403, 403]


async def test_a_case_goes_where_it_can_be_decided(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, there: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    office = clerk(tokens)
    await claim(api, office, case)
    gas = await approved(api, tokens, division_codes=[KUYTUN], kind="gas")
    assert outcome(await route(api, office, case, gas)) == (422, "other_utility")
    assert outcome(await route(api, office, case, provider_id)) == (422, "not_served_there")
    assert outcome(await route(api, office, case, provider_id, YINING)) == (422, "routed_nowhere")
    assert outcome(await route(api, office, case, new_id())) == (422, "unknown_provider")
    assert (await route(api, office, case, there, "999999")).status_code == 422
    assert (await route(api, office, case, there)).status_code == 200


async def test_what_was_decided_stays(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, there: UUID
) -> None:
    office = clerk(tokens)
    asked = await decided(api, office, await submitted(api, resident, provider_id), "request_correction", reason="?")
    corrected = await acted(api, APPLICATIONS, resident, asked, "correct", form=FORM)
    await claim(api, office, corrected)
    assert (await route(api, office, corrected, there)).status_code == 200  # a correction decides nothing
    case = await decided(api, office, await submitted(api, resident, provider_id), "refuse", reason="no pipe")
    case = await acted(api, APPLICATIONS, resident, case, "appeal", reason="there is")
    operator = clerk(tokens, role="operator")
    await claim(api, operator, case)
    assert outcome(await route(api, operator, case, there)) == (409, "decided_already")
    case = await acted(api, QUEUE, operator, case, "reopen", reason="there is")
    await claim(api, office, case)
    assert outcome(await route(api, office, case, there)) == (409, "decided_already")


async def test_a_case_that_lies_with_the_provider_first_is_routed_until_the_provider_acts(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, there: UUID
) -> None:
    fault = {"address": "解放西路1号", "phone": "13800000001", "fault": "no_supply"}
    case = await submitted(api, resident, provider_id, kind="fault_report", form=fault)
    office = clerk(tokens)
    assert (await claim(api, office, case)).status_code == 200
    moved = await route(api, office, case, there)
    assert (moved.status_code, moved.json().get("state")) == (200, case["state"]), moved.text


async def test_a_case_is_not_sent_round_for_ever(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, there: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    places = [(there, KUYTUN), (provider_id, YINING)] * MOST_ROUTINGS
    here = YINING
    for to, division_code in places[:MOST_ROUTINGS]:
        await claim(api, clerk_here := clerk(tokens, here), case)
        answer = await route(api, clerk_here, case, to, division_code)
        assert answer.status_code == 200, answer.text
        case, here = answer.json(), division_code
    await claim(api, clerk_here := clerk(tokens, here), case)
    to, division_code = places[MOST_ROUTINGS]
    assert outcome(await route(api, clerk_here, case, to, division_code)) == (409, "routed_too_often")


async def test_an_account_stays_with_its_provider(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, there: UUID, person_id: UUID
) -> None:
    both = await approved(api, tokens, division_codes=[YINING, KUYTUN])
    number = await bound(database, person_id, both)
    closing = {"kind": "closure", "form": {"last_day": "2026-12-31"}, "account_number": number}
    case = await submitted(api, resident, both, **closing)
    office = clerk(tokens)
    await claim(api, office, case)
    assert outcome(await route(api, office, case, there)) == (409, "account_of_provider")
    assert (await route(api, office, case, both)).status_code == 200
