"""What companies are told: hand-overs, the steps of others, holder changes and readings."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from kit.calendar import today
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    RECEIVED,
    YINING,
    act,
    acted,
    bound,
    clerk,
    decided,
    draft,
    provider,
    submitted,
)
from tests.svc_services.companies import BINDINGS
from tests.svc_services.providers.deliveries.sink import Receiver

ACCOUNT = "1234567897"
PRIVATE = ("解放西路", "13800000001", "which door", "the red one")


async def bodies(company: Receiver) -> list[dict[str, Any]]:
    await company.send()
    return [request.json for request in company.system.requests]


@pytest.fixture
def person_id() -> UUID:
    return new_id()


async def test_a_case_is_handed_over_and_followed_in_order(
    api: httpx.AsyncClient, tokens: Tokens, company: Receiver, person_id: UUID
) -> None:
    resident = tokens.resident(person_id)
    case = await submitted(api, resident, company.provider_id)
    case = await decided(api, clerk(tokens), case, "request_correction", reason="which door?")
    case = await acted(api, APPLICATIONS, resident, case, "correct", form=case["form"] | {"note": "the red one"})
    case = await decided(api, clerk(tokens), case, "accept")
    system = provider(tokens, company.provider_id)
    survey = today() + timedelta(days=3)
    case = await acted(api, RECEIVED, system, case, "appoint_survey", appointment_on=survey.isoformat())
    case = await acted(api, APPLICATIONS, resident, case, "withdraw")
    said = await bodies(company)
    assert {(each["subject_id"], each["provider_id"]) for each in said} == {
        (case["application_id"], str(company.provider_id))
    }
    assert [(each["kind"], *(each["details"][name] for name in ("action", "actor", "ended"))) for each in said] == [
        ("application_submitted", "submit", "citizen", False),
        ("application_moved", "request_correction", "clerk", False),
        ("application_moved", "correct", "citizen", False),
        ("application_moved", "accept", "clerk", False),
        ("application_moved", "withdraw", "citizen", True),
    ]
    versions = [each["details"]["version"] for each in said]
    assert versions == sorted(versions)
    assert versions[-1] == case["version"]
    sent = b"".join(request.body for request in company.system.requests).decode()
    assert not any(word in sent for word in (*PRIVATE, str(person_id)))
    read = await api.get(f"{RECEIVED}/{said[0]['subject_id']}", headers=system)
    assert (read.status_code, read.json()["version"]) == (200, versions[-1])


async def test_a_step_that_is_refused_is_not_delivered(
    api: httpx.AsyncClient, tokens: Tokens, company: Receiver, person_id: UUID
) -> None:
    resident = tokens.resident(person_id)
    begun = await draft(api, resident, company.provider_id, division_code=YINING)
    assert begun.status_code == 201
    assert await company.rows() == []
    case = await submitted(api, resident, company.provider_id)
    assert (await act(api, APPLICATIONS, resident, case, "accept")).status_code == 403
    assert [each["kind"] for each in await bodies(company)] == ["application_submitted"]


async def test_a_company_is_not_told_whether_anybody_had_bound_an_account(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, company: Receiver, person_id: UUID
) -> None:
    await bound(database, person_id, company.provider_id, ACCOUNT)
    resident = tokens.resident(person_id)
    (binding,) = (await api.get(BINDINGS, headers=resident)).json()["items"]
    removed = await api.delete(f"{BINDINGS}/{binding['binding_id']}", headers=resident | once())
    assert removed.is_success, removed.text
    assert await bodies(company) == []


async def test_a_change_of_holders_is_confirmed(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, company: Receiver, person_id: UUID
) -> None:
    await bound(database, person_id, company.provider_id, ACCOUNT)
    system = provider(tokens, company.provider_id)
    change = {"account_number": ACCOUNT, "kind": "new_holder", "effective_on": today().isoformat()}
    reported = await api.post("/services/v1/holder-changes", json=change, headers=system | once())
    assert (reported.status_code, reported.json()["status"]) == (201, "done"), reported.text
    (said,) = await bodies(company)
    assert (said["kind"], said["subject_id"]) == ("holder_change_done", reported.json()["holder_change_id"])
    assert said["details"] == {}


async def test_a_reading_is_told_by_its_number(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, company: Receiver, person_id: UUID
) -> None:
    await bound(database, person_id, company.provider_id, ACCOUNT)
    resident = tokens.resident(person_id)
    (binding,) = (await api.get(BINDINGS, headers=resident)).json()["items"]
    path = f"{BINDINGS}/{binding['binding_id']}/meter-readings"
    taken = await api.post(path, json={"reading": "12.5"}, headers=resident | once())
    assert taken.status_code == 201, taken.text
    (said,) = await bodies(company)
    assert (said["kind"], said["subject_id"]) == ("meter_reading_taken", taken.json()["reading_id"])
    assert said["details"] == {"number": 1}
