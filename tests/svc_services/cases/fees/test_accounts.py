"""What the last step of a case does to the account: it is opened for the applicant, closed, or transferred."""

import asyncio
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted
from kit.calendar import today
from svc_services.accounts.bindings.ends import erase_of_person
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

BINDINGS = "/services/v1/account-bindings"


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


async def test_a_number_that_is_bound_to_somebody_else_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await awaiting_activation(api, tokens, resident, provider_id)
    await bound(database, new_id(), provider_id, NEW_ACCOUNT)
    refused = await act(api, RECEIVED, provider(tokens, provider_id), case, "activate", account_number=NEW_ACCOUNT)
    assert outcome(refused) == (409, "account_bound_to_another")
    assert (await mine(api, resident, case))["state"] == "activation"
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
    assert sorted(map(outcome, answers)) == [(200, ""), (409, "account_bound_to_another")]
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
