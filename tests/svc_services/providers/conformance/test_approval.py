"""A company is connected by two operators, after a run that its sandbox has passed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, client_of, once
from kit.fields.customer_parameters import TEN_DIGITS
from svc_services.app import create_app
from svc_services.settings import Settings
from tests.appointments import appointing
from tests.contracts.reference_provider.processes import Platform
from tests.service_settings import settings_at
from tests.svc_services.companies import uscc
from tests.svc_services.providers.conformance.examined import Applicant, applied, change_run, pass_run
from tests.svc_services.providers.corrections.corrections import correct, corrected
from tests.svc_services.providers.organisations.test_organisations import claimed, file, mandated, representative


@pytest.fixture
def settings(database: Database, tokens: Tokens, surroundings: dict[str, str]) -> Settings:
    return settings_at(Settings, database.engine.url, tokens, **surroundings | {"onboarding": "reviewed"})


@pytest_asyncio.fixture
async def api(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(settings)) as client:
        client.event_hooks["request"].append(appointing(database))
        yield client


class Operators:
    def __init__(self, api: httpx.AsyncClient, tokens: Tokens, applicant: Applicant) -> None:
        self.api, self.tokens, self.applicant = api, tokens, applicant
        self.first, self.second = new_id(), new_id()

    async def do(self, what: str, operator: UUID, revision: int | None = None) -> httpx.Response:
        seen = {} if revision is None else {"If-Match": f'"{revision}"'}
        headers = self.tokens.staff("operator", person_id=operator) | once() | seen
        body = {"reason": "wrong division"} if what == "refuse" else None
        return await self.api.post(f"{self.applicant.path}/{what}", json=body, headers=headers)

    async def code_of(self, what: str, operator: UUID, revision: int | None = None) -> str:
        answer = await self.do(what, operator, revision)
        return "" if answer.is_success else str(answer.json()["code"])


async def test_two_operators_connect_a_company_that_has_passed(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    operators = Operators(api, tokens, applicant)
    assert await operators.code_of("endorse", operators.first) == "conformance_not_shown"
    assert await operators.code_of("approve", operators.first) == "conformance_not_shown"
    assert (await pass_run(applicant, database, platform, tmp_path))["status"] == "passed"
    assert await operators.code_of("approve", operators.second) == "not_endorsed"
    assert await operators.code_of("endorse", operators.first) == ""
    assert await operators.code_of("approve", operators.first) == "second_person_needed"
    approved = await operators.do("approve", operators.second)
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    assert await operators.code_of("endorse", operators.first) == "illegal_move"
    assert (await applicant.get("conformance-runs"))["items"]  # also once it is connected


async def test_of_two_approvals_at_once_one_connects(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    operators = Operators(api, tokens, applicant)
    await pass_run(applicant, database, platform, tmp_path)
    await operators.do("endorse", operators.first)
    others = [operators.second, new_id(), new_id()]
    answers = await asyncio.gather(*(operators.do("approve", each) for each in others))
    assert sorted(each.status_code for each in answers) == [200, 409, 409]


async def test_a_run_counts_for_thirty_days_and_until_a_later_one_fails(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    operators = Operators(api, tokens, applicant)
    run_id = (await pass_run(applicant, database, platform, tmp_path))["run_id"]
    await operators.do("endorse", operators.first)
    await change_run(database, run_id, ended_at=now() - timedelta(days=30, seconds=1))
    assert await operators.code_of("approve", operators.second) == "conformance_not_shown"
    await change_run(database, run_id, ended_at=now() - timedelta(days=30) + timedelta(minutes=5))
    later = await applicant.start()
    await change_run(database, later, status="failed", ended_at=now())
    assert await operators.code_of("approve", operators.second) == "conformance_not_shown"
    again = (await pass_run(applicant, database, platform, tmp_path))["status"]
    assert again == "passed"
    # The first word was about another run.
    assert await operators.code_of("approve", operators.second) == "not_endorsed"
    assert await operators.code_of("endorse", operators.second) == ""
    assert await operators.code_of("approve", operators.first) == ""


async def test_only_operators_of_its_divisions_decide(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api, division_codes=["654002"])
    await pass_run(applicant, database, platform, tmp_path)
    for division, status in (("654003", 403), ("654002", 200)):
        headers = tokens.staff("operator", division_code=division) | once()
        answer = await api.post(f"{applicant.path}/endorse", headers=headers)
        assert answer.status_code == status, answer.text


async def test_a_correction_voids_the_run_and_the_endorsement(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    operators = Operators(api, tokens, applicant)
    filed = {"application_id": applicant.application_id, "application_token": applicant.token}
    await pass_run(applicant, database, platform, tmp_path)
    assert await operators.code_of("endorse", operators.first) == ""
    await corrected(api, filed, 1, endpoint_url=f"{applicant.url}/production")
    assert await operators.code_of("approve", operators.second) == "if_match_missing"
    assert await operators.code_of("approve", operators.second, 1) == "edited_meanwhile"
    assert await operators.code_of("approve", operators.second, 2) == "conformance_not_shown"
    assert await operators.code_of("endorse", operators.first, 2) == "conformance_not_shown"
    await pass_run(applicant, database, platform, tmp_path)
    assert await operators.code_of("approve", operators.second, 2) == "not_endorsed"
    assert await operators.code_of("endorse", operators.first, 2) == ""
    assert await operators.code_of("approve", operators.second, 2) == ""


async def test_a_run_that_was_started_before_a_correction_does_not_count(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    applicant = await applied(api)
    operators = Operators(api, tokens, applicant)
    filed = {"application_id": applicant.application_id, "application_token": applicant.token}
    run_id = await applicant.start()
    await corrected(api, filed, 1, requests_per_minute=60)
    await change_run(database, run_id, status="passed", ended_at=now())
    assert await operators.code_of("endorse", operators.first, 2) == "conformance_not_shown"


async def test_a_correction_of_account_numbers_needs_another_sandbox(api: httpx.AsyncClient) -> None:
    applicant = await applied(api)
    filed = {"application_id": applicant.application_id, "application_token": applicant.token}
    ten_others = TEN_DIGITS.model_dump(mode="json") | {"example": "1000000005"}
    await corrected(api, filed, 1, customer_parameters=ten_others)
    answer = await applicant.post("conformance-runs")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_sandbox")


async def test_of_a_correction_an_endorsement_and_an_approval_at_once_nothing_unseen_is_connected(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    operators = Operators(api, tokens, applicant)
    filed = {"application_id": applicant.application_id, "application_token": applicant.token}
    await pass_run(applicant, database, platform, tmp_path)
    assert await operators.code_of("endorse", operators.first) == ""
    correction, *decisions = await asyncio.gather(
        correct(api, filed, 1, name="Other"),
        *(operators.do(what, operators.second) for what in ("approve", "endorse")),
    )
    found = (await api.get(applicant.path, headers={"Application-Token": applicant.token})).json()
    is_connected = any(each.is_success and each.json()["status"] == "approved" for each in decisions)
    assert (correction.status_code == 200) == (found["name"] == "Other") == (not is_connected)
    assert (found["status"] == "approved") == is_connected


async def test_who_corrected_does_not_decide(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    person, agent, code = new_id(), new_id(), uscc()
    await claimed(database, code, person)
    await mandated(database, code, agent, division_codes=["654000"])
    answer = await file(api, code, representative(tokens, person))
    filed = answer.json()
    applicant = Applicant(api, filed["application_id"], filed["application_token"], 1, {})
    operators = Operators(api, tokens, applicant)
    assert (await correct(api, filed, 1, representative(tokens, agent), name="Right")).status_code == 200
    assert await operators.code_of("endorse", agent, 2) == "second_person_needed"
    assert await operators.code_of("approve", agent, 2) == "second_person_needed"
    assert await operators.code_of("refuse", agent, 2) == "second_person_needed"


async def test_a_refusal_is_of_the_revision_that_was_read(api: httpx.AsyncClient, tokens: Tokens) -> None:
    applicant = await applied(api)
    operators = Operators(api, tokens, applicant)
    filed = {"application_id": applicant.application_id, "application_token": applicant.token}
    assert (await correct(api, filed, 1, name="Right")).status_code == 200
    assert await operators.code_of("refuse", operators.first) == "if_match_missing"
    assert await operators.code_of("refuse", operators.first, 1) == "edited_meanwhile"
    assert await operators.code_of("refuse", operators.first, 2) == ""


async def test_a_sandbox_that_was_moved_since_has_shown_nothing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    operators = Operators(api, tokens, applicant)
    await pass_run(applicant, database, platform, tmp_path)
    assert await operators.code_of("endorse", operators.first) == ""
    moved = await applicant.post("sandbox", endpoint_url=f"{applicant.url}/elsewhere")
    assert moved.status_code == 200, moved.text
    assert await operators.code_of("approve", operators.second) == "conformance_not_shown"
    assert await operators.code_of("endorse", operators.first) == "conformance_not_shown"


async def test_nobody_who_speaks_for_the_company_decides(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    person, agent, former, code = new_id(), new_id(), new_id(), uscc()
    await claimed(database, code, person)
    await mandated(database, code, agent, scopes=["bills"], division_codes=["654002"])
    await mandated(database, code, former, valid_until=now() - timedelta(seconds=1))
    filed = (await file(api, code, representative(tokens, person))).json()
    operators = Operators(api, tokens, Applicant(api, filed["application_id"], filed["application_token"], 1, {}))
    for speaker in (person, agent):
        assert await operators.code_of("endorse", speaker) == "second_person_needed"
        assert await operators.code_of("approve", speaker) == "second_person_needed"
        assert await operators.code_of("refuse", speaker) == "second_person_needed"
    assert await operators.code_of("endorse", former) == "conformance_not_shown"
