"""Lost second factors: one operator proposes to remove them, another approves, and only then a new one is set up."""

import time
from typing import Any
from uuid import UUID

import httpx
import time_machine
from sqlalchemy import select

from chassis.testing import emitted, once
from svc_identity.oauth.models import TokenFamily
from svc_identity.oauth.worker import end_sign_ins_of_removed_factors
from tests.svc_identity.app_client import AUTHENTICATORS
from tests.svc_identity.conftest import proofed
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.requests import Headers

__all__ = ["platform"]

RESETS = "/identity/v1/factor-resets"


async def propose(here: Platform, by: Headers, phone: str) -> httpx.Response:
    return await here.api.post(RESETS, json={"phone": phone, "reason": "lost the phone"}, headers=by | once())


async def decide(here: Platform, by: Headers, reset: dict[str, Any], decision: str) -> httpx.Response:
    return await here.api.post(f"{RESETS}/{reset['factor_reset_id']}/{decision}", headers=by | once())


async def test_two_operators_reset_a_lost_factor(platform: Platform) -> None:
    _, phone, _ = await platform.person()
    lost = AUTHENTICATORS[phone]
    proposed = await propose(platform, platform.first, phone)
    assert proposed.status_code == 201, proposed.text
    twice = await propose(platform, platform.second, phone)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_proposed")
    alone = await decide(platform, platform.first, proposed.json(), "approve")
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")
    with time_machine.travel(time.time() + 61):
        page = await platform.app_client().factor_page(phone)
    assert 'class="key"' not in page.answer.text
    approved = await decide(platform, platform.second, proposed.json(), "approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    again = await decide(platform, platform.second, proposed.json(), "reject")
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    console = platform.app_client()
    with time_machine.travel(time.time() + 122):
        await console.tokens(phone, enrolment_code=approved.json()["enrolment_code"])
    assert AUTHENTICATORS[phone].secret != lost.secret
    async with platform.database.read() as tx:
        person = [event for event in await emitted(tx) if event.key == approved.json()["person_id"]]
    kinds = [event.type.removeprefix("cn.ili.identity.person.") for event in person]
    assert [kind for kind in kinds if kind.startswith("factor")] == [
        *("factor_added.v1", "factor_removed.v1", "factor_added.v1")
    ]


async def test_a_reset_ends_the_sign_ins_of_whoever_has_the_lost_device(platform: Platform) -> None:
    thief, phone, held = await platform.person()
    proposed = await propose(platform, platform.first, phone)
    await decide(platform, platform.second, proposed.json(), "approve")
    for method, path in (("GET", "/identity/v1/me"), ("POST", "/identity/v1/me/recovery-codes")):
        refused = await platform.api.request(method, path, headers=held | once())
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid"), path
    refreshed = await thief.refresh(thief.refresh_token)
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")


async def test_the_worker_ends_them_for_all_services(platform: Platform) -> None:
    _thief, phone, _held = await platform.person()
    proposed = await propose(platform, platform.first, phone)
    approved = await decide(platform, platform.second, proposed.json(), "approve")
    await end_sign_ins_of_removed_factors(platform.database)
    async with platform.database.read() as tx:
        of_person = TokenFamily.person_id == UUID(approved.json()["person_id"])
        families = (await tx.scalars(select(TokenFamily).where(of_person))).all()
        ended = {event.data["sign_in_id"] for event in await emitted(tx) if event.type.endswith("sign_in.ended.v1")}
    assert {family.end_reason for family in families} == {"factor_removed"}
    assert ended == {str(family.id) for family in families}


async def test_the_person_decides_nothing_about_their_own_factors(platform: Platform) -> None:
    third = platform.app_client()
    await platform.appoint(phone := "13811112222")
    headers = await proofed(third, phone)
    own = await propose(platform, headers, phone)
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    proposed = await propose(platform, platform.first, phone)
    for decision in ("approve", "reject"):
        refused = await decide(platform, headers, proposed.json(), decision)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_person_needed")
    rejected = await decide(platform, platform.second, proposed.json(), "reject")
    assert rejected.json()["status"] == "rejected"
    listed = await platform.api.get(RESETS, params={"status": "rejected"}, headers=platform.second)
    assert [each["factor_reset_id"] for each in listed.json()["items"]] == [proposed.json()["factor_reset_id"]]


async def test_there_is_nothing_to_reset_without_a_factor(platform: Platform) -> None:
    unknown = await propose(platform, platform.first, "13822223333")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    await platform.appoint("13822223333")
    none = await propose(platform, platform.first, "13822223333")
    assert (none.status_code, none.json()["code"]) == (409, "no_second_factor")


async def test_each_step_of_a_reset_is_an_event_without_its_reason(platform: Platform) -> None:
    _, phone, _ = await platform.person()
    rejected = (await propose(platform, platform.first, phone)).json()
    await decide(platform, platform.second, rejected, "reject")
    approved = (await propose(platform, platform.first, phone)).json()
    decided = (await decide(platform, platform.second, approved, "approve")).json()
    async with platform.database.read() as tx:
        events = [event for event in await emitted(tx) if ".factor_reset." in event.type]
    steps = [(event.key, event.type.removeprefix("cn.ili.identity.factor_reset.")) for event in events]
    assert steps == [
        (rejected["factor_reset_id"], "proposed.v1"),
        (rejected["factor_reset_id"], "rejected.v1"),
        (approved["factor_reset_id"], "proposed.v1"),
        (approved["factor_reset_id"], "approved.v1"),
    ]
    names = ("factor_reset_id", "person_id", "proposed_by", "proposed_at", "decided_by", "decided_at")
    assert events[3].data == {name: decided[name] for name in names}
