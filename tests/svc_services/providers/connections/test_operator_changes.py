"""Operators: one suspends at once, everything else takes a second one."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from svc_services.providers.connections.models import ProviderChange
from tests.svc_services.companies import TARIFFS, ProviderSystem
from tests.svc_services.providers.connections.companies import CHANGES, Company, connected, new_key, public
from tests.svc_services.providers.connections.test_company_changes import kids, publish


class Operators:
    """Two operators, by their tokens."""

    def __init__(self, api: httpx.AsyncClient, tokens: Tokens) -> None:
        self._api = api
        self.first, self.second = (tokens.staff("operator", person_id=new_id()) for _ in range(2))

    async def suspend(self, company: Company) -> httpx.Response:
        body = {"reason": "calls with its key from elsewhere"}
        return await self._api.post(f"{company.path}/suspend", json=body, headers=self.first | once())

    async def propose(self, company: Company, **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        body = {"reason": "the company asked by letter", **content}
        return await self._api.post(f"{company.path}/changes", json=body, headers=self.first | once())

    async def decide(self, change: httpx.Response, decision: str, headers: dict[str, str]) -> httpx.Response:
        path = f"{CHANGES}/{change.json()['provider_change_id']}/{decision}"
        return await self._api.post(path, headers=headers | once())

    async def approve(self, change: httpx.Response) -> httpx.Response:
        return await self.decide(change, "approve", self.second)


@pytest.fixture
def operators(api: httpx.AsyncClient, tokens: Tokens) -> Operators:
    return Operators(api, tokens)


async def test_one_operator_suspends_and_two_resume(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators
) -> None:
    company = await connected(api, tokens)
    suspended = await operators.suspend(company)
    assert (suspended.status_code, suspended.json()["status"]) == (200, "approved")
    assert (await publish(api, tokens, company)).json()["code"] == "client_suspended"
    proposed = await operators.propose(company, action="resume")
    assert (proposed.status_code, proposed.json()["status"]) == (201, "proposed")
    alone = await operators.decide(proposed, "approve", operators.first)
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")
    assert (await publish(api, tokens, company)).json()["code"] == "client_suspended"
    assert (await operators.approve(proposed)).json()["status"] == "approved"
    assert (await publish(api, tokens, company)).status_code == 201


async def test_a_thief_with_both_secrets_cannot_undo_an_operators_suspension_or_plant_a_key(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators, new_system: ProviderSystem
) -> None:
    company, other = await connected(api, tokens), new_key("k2")
    await company.add(api, other)
    assert (await company.suspend(api)).status_code == 200
    # The operator's takes the place of the company's own.
    assert (await operators.suspend(company)).status_code == 200
    for attempt in (
        company.change(api, action="resume"),
        company.add(api, new_key("planted")),
        company.change(api, action="correct_endpoint", endpoint_url=new_system.url),
    ):
        answer = await attempt
        assert (answer.status_code, answer.json()["code"]) == (403, "suspended_by_operator")
    assert (await company.change(api, action="end_key", kid="k1")).status_code == 201
    assert await kids(api, tokens, company) == {"k2": False, "k1": True}


async def test_two_operators_replace_a_key_on_a_companys_behalf(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators
) -> None:
    company = await connected(api, tokens)
    adding = await operators.propose(company, action="add_key", key=public(new_key("k2")))
    ending = await operators.propose(company, action="end_key", kid="k1")
    too_early = await operators.approve(ending)
    assert (too_early.status_code, too_early.json()["code"]) == (409, "last_key")
    assert await kids(api, tokens, company) == {"k1": False}
    assert (await operators.approve(adding)).status_code == 200
    assert (await operators.approve(ending)).status_code == 200
    assert await kids(api, tokens, company) == {"k2": False, "k1": True}
    leaked = await publish(api, tokens, company, company.key.thumbprint())
    assert leaked.json()["code"] == "client_key_ended"


async def test_two_operators_correct_the_endpoint(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators, new_system: ProviderSystem
) -> None:
    company = await connected(api, tokens)
    change = await operators.propose(company, action="correct_endpoint", endpoint_url=f"{new_system.url}/")
    await operators.approve(change)
    connection = (await api.get(f"{company.path}/connection", headers=operators.first)).json()
    assert (connection["endpoint_url"], connection["revision"]) == (new_system.url, 1)


async def test_a_resumption_proposed_before_another_suspension_lifts_nothing(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators
) -> None:
    company = await connected(api, tokens)
    await operators.suspend(company)
    early, again = [await operators.propose(company, action="resume") for _ in range(2)]
    await operators.approve(early)
    await operators.suspend(company)
    stale = await operators.approve(again)
    assert (stale.status_code, stale.json()["code"]) == (409, "suspension_changed")
    assert (await publish(api, tokens, company)).json()["code"] == "client_suspended"


@pytest.mark.parametrize(
    "content",
    [
        {"action": "end_key", "kid": "k\x00"},
        {"action": "end_key", "kid": ""},
        {"action": "add_key", "key": {}},
        {"action": "add_key", "key": {"kty": "EC", "kid": "k\x00"}},
        {"action": "correct_endpoint", "endpoint_url": "file:///etc/passwd"},
        {"action": "correct_endpoint", "endpoint_url": "http://é\ud7ff"},
        {"action": "suspend"},
        {"action": "resume", "reason": "\x00"},
    ],
)
async def test_a_malformed_change_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators, content: dict[str, Any]
) -> None:
    answer = await operators.propose(await connected(api, tokens), **content)
    assert answer.status_code == 422, answer.text


async def test_concurrent_approvals_carry_out_a_change_once(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators
) -> None:
    company = await connected(api, tokens)
    change = await operators.propose(company, action="add_key", key=public(new_key("k2")))
    answers = await asyncio.gather(*(operators.approve(change) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_a_proposal_is_withdrawn_rejected_or_expires(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators, database: Database
) -> None:
    company = await connected(api, tokens)
    withdrawn, rejected, old = [await operators.propose(company, action="end_key", kid="k1") for _ in range(3)]
    assert (await operators.decide(withdrawn, "reject", operators.first)).json()["status"] == "withdrawn"
    assert (await operators.decide(rejected, "reject", operators.second)).json()["status"] == "rejected"
    assert (await operators.approve(rejected)).json()["code"] == "already_decided"
    async with database.transaction() as tx:
        aged = update(ProviderChange).where(ProviderChange.id == UUID(old.json()["provider_change_id"]))
        await tx.execute(aged.values(proposed_at=now() - timedelta(days=8)))
    assert (await operators.approve(old)).json()["code"] == "proposal_expired"
    listed = await api.get(CHANGES, params={"status": "rejected"}, headers=tokens.staff("auditor"))
    assert [each["provider_change_id"] for each in listed.json()["items"]] == [rejected.json()["provider_change_id"]]


@pytest.mark.parametrize("role", ["auditor", "clerk", "reviewer"])
async def test_other_staff_suspend_and_propose_nothing(api: httpx.AsyncClient, tokens: Tokens, role: str) -> None:
    company = await connected(api, tokens)
    for path, body in (("suspend", {"reason": "me"}), ("changes", {"reason": "me", "action": "resume"})):
        answer = await api.post(f"{company.path}/{path}", json=body, headers=tokens.staff(role) | once())
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_the_database_keeps_decided_changes_and_the_second_person(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators, database: Database
) -> None:
    company = await connected(api, tokens)
    await operators.suspend(company)
    await operators.propose(company, action="resume")
    for statement in (
        "UPDATE provider_changes SET reason = 'other' WHERE status = 'approved'",
        "DELETE FROM provider_changes",
        "UPDATE provider_changes SET status = 'approved', decided_by = proposed_by WHERE status = 'proposed'",
        "UPDATE provider_changes SET status = 'approved' WHERE status = 'proposed'",
    ):
        with pytest.raises(DBAPIError):
            async with database.transaction() as tx:
                await tx.execute(text(statement))


async def test_a_suspended_provider_publishes_no_tariff_with_an_old_token(
    api: httpx.AsyncClient, tokens: Tokens, operators: Operators
) -> None:
    company = await connected(api, tokens)
    headers = tokens.client(company.id, "tariffs:write", key=company.key.thumbprint())
    assert (await api.post(TARIFFS, json={}, headers=headers | once())).status_code == 422
    await operators.suspend(company)
    assert (await api.post(TARIFFS, json={}, headers=headers | once())).json()["code"] == "client_suspended"
