"""Nobody gets stuck with a case, keeps others from it, or goes on with one that is theirs no more."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens, once
from kit.calendar import today
from svc_services.accounts.bindings import ends
from svc_services.cases.applications.consumers import HANDLERS
from tests.appointments import appoint
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    QUEUE,
    RECEIVED,
    Case,
    Headers,
    act,
    acted,
    bound,
    claim,
    clerk,
    decided,
    outcome,
    provider,
    submitted,
)
from tests.svc_services.providers.own_company.test_own_company import OPERATOR, linked

CHANGE = {"kind": "change", "form": {"change": "meter"}}


async def test_appeals_always_find_somebody_who_may_decide(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    case = await decided(api, clerk(tokens), case, "refuse", reason="no pipe there")
    operators = [clerk(tokens, role="operator") for _ in range(2)]
    for turn in range(4):
        case = await acted(api, APPLICATIONS, resident, case, "appeal", reason="there is one")
        deciding, before = operators[turn % 2], operators[1 - turn % 2]
        if turn:
            assert outcome(await claim(api, before, case)) == (403, "second_person_needed")
        case = await decided(api, deciding, case, "uphold", reason="there is none")


async def test_nobody_decides_an_appeal_against_a_company_in_which_they_hold_a_role(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    organisation_id, person_id = new_id(), new_id()
    await linked(database, provider_id, organisation_id)
    async with database.transaction() as tx:
        await appoint(tx, person_id, OPERATOR, organisation_id=organisation_id)
    both = tokens.staff("operator", person_id=person_id)
    case = await submitted(api, resident, provider_id)
    case = await acted(api, RECEIVED, provider(tokens, provider_id), case, "refuse", reason="no pipe there")
    case = await acted(api, APPLICATIONS, resident, case, "appeal", reason="there is one")
    assert outcome(await claim(api, both, case)) == (403, "own_company")
    assert outcome(await act(api, QUEUE, both, case, "uphold", reason="there is none")) == (403, "own_company")
    await decided(api, clerk(tokens, role="operator"), case, "reopen", reason="there is a pipe")


async def test_an_operator_lifts_the_claim_of_a_clerk_and_a_clerk_does_not(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    await claim(api, clerk(tokens), case)
    path = f"{QUEUE}/{case['application_id']}/release"
    assert outcome(await api.post(path, headers=clerk(tokens) | once())) == (409, "claimed_by_another")
    freed = await api.post(path, headers=clerk(tokens, role="operator") | once())
    assert (freed.status_code, freed.json()["claimed_until"]) == (200, None)
    assert (await claim(api, clerk(tokens), case)).status_code == 200


@pytest.mark.parametrize(("days", "status"), [(-1, 422), (0, 200), (180, 200), (181, 422)])
async def test_an_appointment_lies_ahead_and_in_sight(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, days: int, status: int
) -> None:
    case = await decided(api, clerk(tokens), await submitted(api, resident, provider_id), "accept")
    company = provider(tokens, provider_id)
    day = today() + timedelta(days=days)
    answer = await act(api, RECEIVED, company, case, "appoint_survey", appointment_on=f"{day}")
    assert answer.status_code == status
    if status == 422:
        assert (answer.json()["code"], answer.json()["days"]) == ("bad_appointment", 180)


async def test_every_answer_has_the_tag_that_the_next_change_names(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    staff = clerk(tokens)
    claimed = await claim(api, staff, case)
    moved = await act(api, QUEUE, staff, case, "accept")
    for answer in (claimed, moved):
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"'


async def binding_ended(database: Database, person_id: UUID, provider_id: UUID, number: str) -> None:
    """What the worker does when it reads the event."""
    handlers: dict[str, Any] = {each.event_type: each for each in HANDLERS}
    handler = handlers["cn.ili.services.account_binding.ended.v1"]
    lost = {"person_id": person_id, "provider_id": provider_id, "account_number": number}
    event = Received(new_id(), handler.event_type, now(), handler.data.model_validate(lost))
    for _ in range(2):
        async with database.transaction() as tx:
            await handler.handle(tx, event)


async def test_a_former_holder_goes_no_further_and_is_not_in_the_way_of_the_next(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    resident: Headers,
    provider_id: UUID,
    person_id: UUID,
) -> None:
    number = await bound(database, person_id, provider_id)
    case = await submitted(api, resident, provider_id, **CHANGE, account_number=number)
    other = await submitted(api, resident, provider_id)
    async with database.transaction() as tx:
        await ends.end_of_account(tx, provider_id, number, held_until=today() - timedelta(days=1))
    company = provider(tokens, provider_id)
    assert outcome(await act(api, RECEIVED, company, case, "accept")) == (409, "account_lost")
    assert outcome(await act(api, APPLICATIONS, resident, case, "withdraw")) == (409, "account_lost")
    await binding_ended(database, person_id, provider_id, number)
    mine = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)).json()
    last: Case = mine["steps"][-1]
    assert (mine["status"], last["action"], last["actor"]) == ("ended", "give_up", "system")
    assert (len(mine["steps"]), mine["labels"]["give_up"]["en"]) == (2, "The applicant cannot go on")
    left = (await api.get(f"{APPLICATIONS}/{other['application_id']}", headers=resident)).json()
    assert left["status"] == "open"
    next_id = new_id()
    await bound(database, next_id, provider_id, number)
    theirs = await submitted(api, tokens.resident(next_id), provider_id, **CHANGE, account_number=number)
    assert theirs["state"] == "submitted"


async def test_an_account_that_is_bound_anew_keeps_its_case(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    number = await bound(database, person_id, provider_id)
    case = await submitted(api, resident, provider_id, **CHANGE, account_number=number)
    await binding_ended(database, person_id, provider_id, number)
    mine = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)).json()
    assert mine["status"] == "open"
