"""Admins of a company act for it without its token and its keys; operators of it read; strangers see none."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens, emitted, once
from svc_services.providers.own_company.consumers import HANDLERS, ProviderLinked
from tests.appointments import appoint
from tests.security_log import SecurityLog
from tests.svc_services.companies import TARIFFS, ProviderSystem
from tests.svc_services.providers.connections.companies import CHANGES, Company, connected, new_key, public

OWN = "/services/v1/me/providers"
ADMIN, OPERATOR = "provider_admin", "provider_operator"
(LINKED,) = HANDLERS


async def linked(database: Database, provider_id: UUID, organisation_id: UUID) -> None:
    """The event of svc_identity."""
    reader = ProviderLinked(provider_id=provider_id, organisation_id=organisation_id)
    async with database.transaction() as tx:
        await LINKED.handle(tx, Received(new_id(), LINKED.event_type, now(), reader))


@dataclass
class Staffed:
    """A connected company whose people have roles."""

    api: httpx.AsyncClient
    tokens: Tokens
    company: Company
    organisation_id: UUID
    admin_id: UUID

    @property
    def path(self) -> str:
        return f"{OWN}/{self.company.id}"

    @property
    def admin(self) -> dict[str, str]:
        return self.tokens.staff(ADMIN, organisation_id=self.organisation_id, person_id=self.admin_id)

    @property
    def reader(self) -> dict[str, str]:
        return self.tokens.staff(OPERATOR, organisation_id=self.organisation_id)

    async def change(self, by: dict[str, str] | None = None, **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        body = {"reason": "key rotation", **content}
        return await self.api.post(f"{self.path}/changes", json=body, headers=(by or self.admin) | once())

    async def shown(self) -> dict[str, Any]:
        answer = await self.api.get(self.path, headers=self.reader)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content


@pytest_asyncio.fixture
async def staffed(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> Staffed:
    company, organisation_id = await connected(api, tokens), new_id()
    for _ in range(2):  # a replay changes nothing
        await linked(database, company.id, organisation_id)
    return Staffed(api, tokens, company, organisation_id, new_id())


async def test_people_of_a_company_read_its_record_and_the_terms_of_its_keys(staffed: Staffed) -> None:
    limited = {**public(new_key("k2"))}
    added = await staffed.change(action="add_key", key=limited, valid_until="2090-01-01T00:00:00Z")
    assert added.status_code == 201, added.text
    shown = await staffed.shown()
    assert (shown["contact_phone"], shown["suspended_at"]) == ("13800000001", None)
    assert [(key["kid"], key["valid_until"]) for key in shown["keys"]] == [
        ("k1", None),
        ("k2", "2090-01-01T00:00:00Z"),
    ]
    for headers in (staffed.admin, staffed.reader):
        assert (await staffed.api.get(OWN, headers=headers)).json()["items"] == [shown]


async def test_an_admin_adds_a_key_with_overlap_and_stops_the_leaked_one(
    staffed: Staffed, tokens: Tokens, database: Database
) -> None:
    refused = await staffed.change(action="end_key", kid="k1")
    assert (refused.status_code, refused.json()["code"]) == (409, "last_key")
    fresh = new_key("k2")
    assert (await staffed.change(action="add_key", key=public(fresh))).status_code == 201
    ended = await staffed.change(action="end_key", kid="k1")
    assert ended.status_code == 201, ended.text
    assert (ended.json()["status"], ended.json()["admin_id"]) == ("approved", str(staffed.admin_id))
    assert (ended.json()["company_key"], ended.json()["proposed_by"]) == (None, None)
    leaked = tokens.client(staffed.company.id, "tariffs:write", key=staffed.company.key.thumbprint())
    assert (await staffed.api.post(TARIFFS, json={}, headers=leaked | once())).status_code == 401
    async with database.read() as tx:
        event = (await emitted(tx))[-1]
    assert event.type == "cn.ili.services.provider.updated.v1"
    assert [key["kid"] for key in event.data["jwks"]["keys"]] == ["k2"]
    assert event.data["ended_keys"] == [staffed.company.key.thumbprint()]


async def test_an_admin_corrects_endpoint_and_contact(
    staffed: Staffed, security_log: SecurityLog, new_system: ProviderSystem
) -> None:
    security_log.must_not_hold("13900000009")
    moved = await staffed.change(action="correct_endpoint", endpoint_url=new_system.url)
    assert moved.status_code == 201, moved.text
    body = {"contact_phone": "13900000009", "reason": "another colleague"}
    corrected = await staffed.api.post(f"{staffed.path}/contact", json=body, headers=staffed.admin | once())
    assert corrected.status_code == 200, corrected.text
    assert (corrected.json()["action"], corrected.json()["details"]) == ("correct_contact", {})
    shown = await staffed.shown()
    assert (shown["endpoint_url"], shown["contact_phone"]) == (new_system.url, "13900000009")
    assert security_log.lines()[-1]["admin_id"] == str(staffed.admin_id)
    changes = (await staffed.api.get(f"{staffed.path}/changes", headers=staffed.reader)).json()["items"]
    assert [(each["action"], each["admin_id"]) for each in changes] == [
        ("correct_contact", str(staffed.admin_id)),
        ("correct_endpoint", str(staffed.admin_id)),
    ]


async def test_an_admin_suspends_and_resumes_but_lifts_nothing_of_operators(staffed: Staffed, tokens: Tokens) -> None:
    suspend = f"{staffed.path}/suspend"
    suspended = await staffed.api.post(suspend, json={"reason": "a leak"}, headers=staffed.admin | once())
    assert suspended.status_code == 200, suspended.text
    assert (await staffed.shown())["suspended_by"] == "company"
    assert (await staffed.change(action="resume")).status_code == 201
    by_operator = f"{staffed.company.path}/suspend"
    body = {"reason": "calls from elsewhere"}
    assert (await staffed.api.post(by_operator, json=body, headers=tokens.staff("operator") | once())).is_success
    for refused in (
        await staffed.change(action="resume"),
        await staffed.change(action="add_key", key=public(new_key("k3"))),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "suspended_by_operator")


async def test_a_strangers_admin_sees_and_changes_nothing(
    staffed: Staffed, api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    await linked(database, (await connected(api, tokens)).id, other := new_id())
    stranger = tokens.staff(ADMIN, organisation_id=other)
    suspend, contact = {"reason": "a test"}, {"reason": "a test", "contact_phone": "13900000009"}
    answers = [
        await api.get(staffed.path, headers=stranger),
        await api.get(f"{staffed.path}/changes", headers=stranger),
        await staffed.change(stranger, action="add_key", key=public(new_key("k2"))),
        await staffed.change(stranger, action="end_key", kid="k1"),
        await api.post(f"{staffed.path}/suspend", json=suspend, headers=stranger | once()),
        await api.post(f"{staffed.path}/contact", json=contact, headers=stranger | once()),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 6
    listed = (await api.get(OWN, headers=stranger)).json()["items"]
    assert str(staffed.company.id) not in {each["provider_id"] for each in listed}
    assert (await staffed.shown())["revision"] == 0


@pytest.mark.parametrize("role", [OPERATOR, "operator", "security_officer"])
async def test_only_an_admin_changes_anything(staffed: Staffed, tokens: Tokens, role: str) -> None:
    headers = tokens.staff(role, organisation_id=staffed.organisation_id)
    refused = await staffed.change(headers, action="end_key", kid="k1")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_an_admin_whose_role_ended_is_refused(staffed: Staffed, database: Database) -> None:
    async with database.transaction() as tx:
        await appoint(tx, staffed.admin_id, ADMIN, organisation_id=staffed.organisation_id, ended_at=now())
    refused = await staffed.change(action="end_key", kid="k1")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("role", ["operator", "security_officer"])
async def test_one_guard_stops_a_leaked_key_at_once(staffed: Staffed, tokens: Tokens, role: str) -> None:
    path, body = f"{staffed.company.path}/stop-key", {"kid": "k1", "reason": "published in a repository"}
    guard = tokens.staff(role)
    last = await staffed.api.post(path, json=body, headers=guard | once())
    assert (last.status_code, last.json()["code"]) == (409, "last_key")
    assert (await staffed.change(action="add_key", key=public(new_key("k2")))).status_code == 201
    stopped = await staffed.api.post(path, json=body, headers=guard | once())
    assert stopped.status_code == 200, stopped.text
    assert (stopped.json()["action"], stopped.json()["status"]) == ("stop_key", "approved")
    keys = (await staffed.shown())["keys"]
    assert [(key["kid"], key["ended_at"] is not None) for key in keys] == [("k2", False), ("k1", True)]
    listed = (await staffed.api.get(CHANGES, headers=tokens.staff("operator"))).json()["items"]
    assert listed[0]["proposed_by"] == stopped.json()["proposed_by"] is not None


async def test_a_guard_of_one_county_stops_no_key_of_another(staffed: Staffed, tokens: Tokens) -> None:
    body = {"kid": "k1", "reason": "published in a repository"}
    for role in ("operator", "security_officer"):
        guard = tokens.staff(role, division_code="654023")
        refused = await staffed.api.post(f"{staffed.company.path}/stop-key", json=body, headers=guard | once())
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_division")
    for role in (ADMIN, OPERATOR, "auditor"):
        refused = await staffed.api.post(
            f"{staffed.company.path}/stop-key", json=body, headers=tokens.staff(role) | once()
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
