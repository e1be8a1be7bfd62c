"""What the last step of a case does to the account: it is opened for the applicant, closed, or transferred."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from kit.calendar import today
from svc_services.accounts.bindings.ends import erase_of_person
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.cases.applications.consumers import erase_applications
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    NEW_ACCOUNT,
    RECEIVED,
    Case,
    Headers,
    act,
    acted,
    bound,
    clerk,
    decided,
    heard,
    outcome,
    provider,
    submitted,
)
from tests.svc_services.cases.fees.test_fees import mine, quoted
from tests.svc_services.companies import account_number

BINDINGS, CLASHES = (f"/services/v1/{name}" for name in ("account-bindings", "account-clashes"))
OTHER_ACCOUNT = account_number(123456780)


async def awaiting_activation(api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID) -> Case:
    company = provider(tokens, provider_id)
    case = await quoted(api, tokens, resident, provider_id, amount_fen=0)
    await acted(api, APPLICATIONS, resident, case, "agree")
    for action in ("construct", "inspect"):
        case = (await api.get(f"{RECEIVED}/{case['application_id']}", headers=company)).json()
        case = await acted(api, RECEIVED, company, case, action)
    return case


async def bindings(api: httpx.AsyncClient, headers: Headers) -> list[tuple[str, str, str]]:
    items = (await api.get(BINDINGS, headers=headers)).json()["items"]
    return [(each["account_number"], each["role"], each["status"]) for each in items]


async def told(database: Database) -> list[tuple[str, str]]:
    async with database.read() as tx:
        found = [each for each in await emitted(tx) if ".account_binding." in each.type]
    return [(each.type.split(".")[-2], each.data["account_number"]) for each in found]


async def test_activation_binds_the_new_account_to_the_applicant(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await awaiting_activation(api, tokens, resident, provider_id)
    company = provider(tokens, provider_id)
    without = await act(api, RECEIVED, company, case, "activate")
    assert (outcome(without), without.json()["missing"]) == ((422, "action_incomplete"), ["account_number"])
    for wrong in ("1234567890", "12", "十"):
        refused = await act(api, RECEIVED, company, case, "activate", account_number=wrong)
        assert outcome(refused) == (422, "bad_account_number"), wrong
    case = await acted(api, RECEIVED, company, case, "activate", account_number="１２３４ 567897")
    assert (case["status"], case["account_number"]) == ("ended", NEW_ACCOUNT)
    assert await bindings(api, resident) == [(NEW_ACCOUNT, "owner", "active")]
    assert await told(database) == [("activated", NEW_ACCOUNT)]
    async with database.read() as tx:
        (activated,) = [each for each in await emitted(tx) if each.type.endswith("account_binding.activated.v1")]
    # Whose the number was before, they do not see: payments shows bills from the month of this day on.
    assert activated.data["held_from"] == today().isoformat()


async def clashes(api: httpx.AsyncClient, tokens: Tokens, **wanted: str) -> list[dict[str, Any]]:
    answer = await api.get(CLASHES, params=wanted, headers=tokens.staff("operator"))
    return [dict(each) for each in answer.json()["items"]]


async def close(api: httpx.AsyncClient, headers: Headers, clash: dict[str, Any], outcome: str) -> httpx.Response:
    body = {"outcome": outcome, "reason": "已与单位核对"}
    return await api.post(f"{CLASHES}/{clash['clash_id']}/close", json=body, headers=headers | once())


def without_ids(case: dict[str, Any]) -> dict[str, Any]:
    """What the answers about two cases have in common, if their company cannot tell one from the other."""
    steps = [{name: step[name] for name in ("action", "from_state", "to_state", "actor")} for step in case["steps"]]
    own = {"application_id", "case_number", "steps", "created_at", "submitted_at", "ended_at", "fee", "account_number"}
    return {name: value for name, value in case.items() if name not in own} | {"steps": steps}


async def test_a_company_does_not_learn_by_an_activation_that_a_number_is_bound(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    other, company = tokens.resident(new_id()), provider(tokens, provider_id)
    free = await awaiting_activation(api, tokens, other, provider_id)
    free = await acted(api, RECEIVED, company, free, "activate", account_number=OTHER_ACCOUNT)
    case = await awaiting_activation(api, tokens, resident, provider_id)
    await bound(database, new_id(), provider_id, NEW_ACCOUNT)
    answer = await act(api, RECEIVED, company, case, "activate", account_number=NEW_ACCOUNT)
    assert (answer.status_code, without_ids(answer.json())) == (200, without_ids(free))
    assert await bindings(api, resident) == []
    (clash,) = await clashes(api, tokens, status="open")
    assert (clash["application_id"], clash["provider_id"]) == (case["application_id"], str(provider_id))
    operator = tokens.staff("operator")
    assert outcome(await close(api, operator, clash, "bound")) == (409, "account_bound_to_another")
    own = await close(api, tokens.staff("operator", person_id=person_id), clash, "dismissed")
    assert outcome(own) == (403, "second_person_needed")
    elsewhere = tokens.staff("operator", division_code="654003")
    assert outcome(await close(api, elsewhere, clash, "dismissed")) == (403, "not_your_division")
    async with database.transaction() as tx:
        (await tx.get_one(AccountBinding, UUID(clash["binding_id"]))).end()
    answers = await asyncio.gather(*(close(api, tokens.staff("operator"), clash, "bound") for _ in range(4)))
    assert sorted(map(outcome, answers)) == [(200, ""), *[(409, "illegal_move")] * 3]
    assert await bindings(api, resident) == [(NEW_ACCOUNT, "owner", "active")]
    assert await clashes(api, tokens, status="open") == []


async def test_a_number_that_is_not_the_applicants_is_dismissed(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await awaiting_activation(api, tokens, resident, provider_id)
    await bound(database, new_id(), provider_id, NEW_ACCOUNT)
    await acted(api, RECEIVED, provider(tokens, provider_id), case, "activate", account_number=NEW_ACCOUNT)
    (clash,) = await clashes(api, tokens)
    assert outcome(await close(api, tokens.staff("operator"), clash, "dismissed")) == (200, "")
    assert [each["status"] for each in await clashes(api, tokens)] == ["dismissed"]
    assert await bindings(api, resident) == []


async def test_an_account_that_the_applicant_has_bound_already_stays_bound_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    case = await awaiting_activation(api, tokens, resident, provider_id)
    await bound(database, person_id, provider_id, NEW_ACCOUNT)
    case = await acted(api, RECEIVED, provider(tokens, provider_id), case, "activate", account_number=NEW_ACCOUNT)
    assert (case["status"], await bindings(api, resident)) == ("ended", [(NEW_ACCOUNT, "owner", "active")])


async def test_one_number_is_opened_for_one_of_two_applicants(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    other, company = tokens.resident(new_id()), provider(tokens, provider_id)
    cases = [await awaiting_activation(api, tokens, each, provider_id) for each in (resident, other)]
    answers = await asyncio.gather(
        *(act(api, RECEIVED, company, case, "activate", account_number=NEW_ACCOUNT) for case in cases)
    )
    assert list(map(outcome, answers)) == [(200, ""), (200, "")]
    assert len(await clashes(api, tokens, status="open")) == 1
    held = [*(await bindings(api, resident)), *(await bindings(api, other))]
    assert held == [(NEW_ACCOUNT, "owner", "active")]


FORMS = {
    "closure": {"last_day": "2026-12-31"},
    "transfer": {"new_holder_name": "古丽", "new_holder_phone": "13800000002"},
}


@pytest.mark.parametrize("kind", ["closure", "transfer"])
async def test_a_completed_closure_or_transfer_ends_who_had_the_account(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    resident: Headers,
    provider_id: UUID,
    person_id: UUID,
    kind: str,
) -> None:
    number, company = await bound(database, person_id, provider_id, NEW_ACCOUNT), provider(tokens, provider_id)
    case = await submitted(api, resident, provider_id, kind=kind, form=FORMS[kind], account_number=number)
    case = await decided(api, clerk(tokens), case, "accept")
    case = await acted(api, RECEIVED, company, case, "complete")
    assert (case["status"], await bindings(api, resident)) == ("ended", [(number, "owner", "ended")])
    assert await told(database) == [("ended", number)]
    async with database.read() as tx:
        (event,) = [each for each in await emitted(tx) if each.type.endswith("account_binding.ended.v1")]
    assert event.data["held_until"] == today().isoformat()
    # The provider reports it once more, as providers do: nothing happens twice.
    change = {"closure": "ended", "transfer": "new_holder"}[kind]
    body = {"account_number": number, "kind": change, "effective_on": today().isoformat()}
    again = await api.post(
        "/services/v1/holder-changes", json=body, headers=company | {"Idempotency-Key": str(new_id())}
    )
    assert (again.status_code, again.json()["status"]) == (201, "done")
    assert await told(database) == [("ended", number)]


async def test_a_paid_case_ends_with_the_account_bound(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await quoted(api, tokens, resident, provider_id)
    await heard(database, case, "paid", 2)
    for action, parts in (("construct", {}), ("inspect", {}), ("activate", {"account_number": NEW_ACCOUNT})):
        case = await mine(api, resident, case)
        case = await acted(api, RECEIVED, provider(tokens, provider_id), case, action, **parts)
    assert (case["state"], case["fee"]["status"]) == ("completed", "paid")
    assert await bindings(api, resident) == [(NEW_ACCOUNT, "owner", "active")]


async def test_the_case_of_a_person_who_has_gone_ends_and_its_account_with_it(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    number, company = await bound(database, person_id, provider_id, NEW_ACCOUNT), provider(tokens, provider_id)
    case = await submitted(api, resident, provider_id, kind="closure", form=FORMS["closure"], account_number=number)
    case = await decided(api, clerk(tokens), case, "accept")
    async with database.transaction() as tx:
        await erase_of_person(tx, person_id)
        await erase_applications(tx, person_id)
    case = (await api.get(f"{RECEIVED}/{case['application_id']}", headers=company)).json()
    assert (case["status"], case["account_number"], case["steps"][-1]["action"]) == ("ended", None, "give_up")
    assert await told(database) == [("ended", number)]
