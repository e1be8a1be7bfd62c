"""Every role ends: on its last day or after a year, after reminders, unless operators renew it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from chassis.db import CHINA, now
from chassis.testing import Emitted, Tokens, emitted, once
from kit.calendar import today
from svc_identity.organisations.models import Membership
from svc_identity.organisations.role_changes import service, terms
from tests.svc_identity.conftest import browser_on, new_phone, running
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.requests import ROLE_CHANGES, Headers, decide, granted, propose_grant
from tests.svc_identity.organisations.role_changes.test_role_changes import roles_in
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, add, create, refusal

EXPIRING = "cn.ili.identity.membership.expiring.v1"


async def county_team(platform: Platform) -> str:
    made: str = (await create(platform.api, platform.first)).json()["organisation_id"]
    return made


async def renew(
    platform: Platform, operator: Headers, organisation_id: str, membership_id: str, **more: str
) -> httpx.Response:
    named = {"organisation_id": organisation_id, "membership_id": membership_id, "reason": "stays"}
    return await platform.api.post(ROLE_CHANGES, json={"action": "renewal", **named, **more}, headers=operator | once())


async def move_end(platform: Platform, membership_id: str, to: datetime) -> None:
    async with platform.database.transaction() as tx:
        await tx.execute(update(Membership).where(Membership.id == UUID(membership_id)).values(expires_at=to))


async def end_expired(platform: Platform) -> None:
    async with platform.database.transaction() as tx:
        await service.end_expired(tx)


async def reminders(platform: Platform) -> list[Emitted]:
    async with platform.database.transaction() as tx:
        await terms.remind(tx)
    async with platform.database.read() as tx:
        return [event for event in await emitted(tx) if event.type == EXPIRING]


async def test_a_role_lasts_a_year_or_until_its_last_day(platform: Platform) -> None:
    team = await county_team(platform)
    usual = (await add(platform.api, platform.first, team, new_phone(), "county_team")).json()
    assert timedelta(364) < datetime.fromisoformat(usual["expires_at"]) - now() <= timedelta(365)
    last = today() + timedelta(days=3)
    body = {"phone": new_phone(), "role": "county_team", "until": last.isoformat()}
    members = f"{ORGANISATIONS}/{team}/members"
    short = (await platform.api.post(members, json=body, headers=platform.first | once())).json()
    end = datetime.fromisoformat(short["expires_at"]).astimezone(CHINA)
    assert end.isoformat() == f"{last + timedelta(1)}T00:00:00+08:00"
    listed = (await platform.api.get(members, headers=platform.first)).json()["items"]
    assert [each["expires_at"] for each in listed] == [usual["expires_at"], short["expires_at"]]


@pytest.mark.parametrize("days", [-1, 367, 10_000])
async def test_a_last_day_is_today_at_the_earliest_and_within_a_year(platform: Platform, days: int) -> None:
    body = {"phone": new_phone(), "role": "county_team", "until": (today() + timedelta(days)).isoformat()}
    members = f"{ORGANISATIONS}/{await county_team(platform)}/members"
    refused = await platform.api.post(members, json=body, headers=platform.first | once())
    assert refusal(refused) == (422, "invalid_request")


async def test_a_role_ends_by_itself_and_says_so(platform: Platform, tokens: Tokens) -> None:
    client, phone, _ = await platform.person()
    change = await granted(platform.api, (platform.first, platform.second), platform.id, phone, "auditor")
    assert await roles_in(tokens, await client.renewed()) == ["auditor"]
    await move_end(platform, change["membership_id"], now() - timedelta(seconds=1))
    # Tokens leave it out at once, before the worker ends it.
    assert await roles_in(tokens, await client.renewed()) == []
    await end_expired(platform)
    listed = (await platform.api.get(ROLE_CHANGES, headers=platform.first)).json()["items"][-1]
    assert (listed["action"], listed["status"], listed["proposed_by"]) == ("expiry", "approved", None)
    assert listed["membership_id"] == change["membership_id"]
    async with platform.database.read() as tx:
        said = (await emitted(tx))[-1]
    assert (said.type, said.data["action"]) == ("cn.ili.identity.role_change.approved.v1", "expiry")
    again = await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")
    assert again.status_code == 201


async def test_two_independent_operators_are_kept_beyond_their_time(platform: Platform) -> None:
    """With fewer, no proposal could be approved, and only a command on the server could help."""
    third, _ = await platform.operator_made_by(platform.first, platform.second)
    async with platform.database.transaction() as tx:
        await tx.execute(update(Membership).values(expires_at=now() - timedelta(days=1)))
    for _ in range(2):
        await end_expired(platform)
    async with platform.database.read() as tx:
        ended = (await tx.scalars(select(Membership.ended_at).order_by(Membership.id))).all()
    operators = zip((platform.first, platform.second, third), ended, strict=True)
    left = [operator for operator, ended_at in operators if ended_at is None]
    assert len(left) == 2
    _, phone, _ = await platform.person()
    assert (await granted(platform.api, (left[0], left[1]), platform.id, phone, "auditor"))["status"] == "approved"


async def test_a_second_person_renews_a_power(platform: Platform) -> None:
    _, phone, _ = await platform.person()
    made = await granted(platform.api, (platform.first, platform.second), platform.id, phone, "auditor")
    await move_end(platform, made["membership_id"], now() + timedelta(days=2))
    proposed = (await renew(platform, platform.first, platform.id, made["membership_id"])).json()
    assert (proposed["action"], proposed["status"]) == ("renewal", "proposed")
    own = await decide(platform.api, platform.first, proposed["role_change_id"], "approve")
    assert refusal(own) == (403, "second_person_needed")
    approved = await decide(platform.api, platform.second, proposed["role_change_id"], "approve")
    assert approved.json()["status"] == "approved"
    async with platform.database.read() as tx:
        renewed = await tx.get_one(Membership, UUID(made["membership_id"]))
    assert renewed.expires_at > now() + timedelta(days=364)


async def test_a_renewal_changes_nothing_of_who_owes_the_role_to_whom(platform: Platform) -> None:
    third, made = await platform.operator_made_by(platform.first, platform.second)
    proposed = (await renew(platform, platform.second, platform.id, made["membership_id"])).json()
    refused = await decide(platform.api, third, proposed["role_change_id"], "approve")
    assert refusal(refused) == (403, "own_role_change")
    assert (await decide(platform.api, platform.first, proposed["role_change_id"], "approve")).status_code == 200
    _, phone, _ = await platform.person()
    by_first = (await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")).json()
    assert refusal(await decide(platform.api, third, by_first["role_change_id"], "approve")) == (
        403,
        "approver_not_independent",
    )
    by_third = (await propose_grant(platform.api, third, platform.id, new_phone(), "auditor")).json()
    assert refusal(await decide(platform.api, platform.second, by_third["role_change_id"], "approve")) == (
        409,
        "person_not_proofed",
    )


async def test_a_role_of_one_person_is_renewed_at_once(platform: Platform) -> None:
    team = await county_team(platform)
    member = (await add(platform.api, platform.first, team, new_phone(), "county_team")).json()
    last = today() + timedelta(days=100)
    renewed = await renew(platform, platform.first, team, member["membership_id"], until=last.isoformat())
    assert (renewed.status_code, renewed.json()["status"], renewed.json()["until"]) == (201, "approved", f"{last}")
    async with platform.database.read() as tx:
        kept = await tx.get_one(Membership, UUID(member["membership_id"]))
    assert kept.expires_at.astimezone(CHINA).date() == last + timedelta(days=1)


async def test_an_ended_role_is_not_renewed(platform: Platform) -> None:
    team = await county_team(platform)
    member = (await add(platform.api, platform.first, team, new_phone(), "county_team")).json()
    gone = f"{ORGANISATIONS}/{team}/members/{member['membership_id']}"
    assert (await platform.api.delete(gone, headers=platform.first)).status_code == 204
    refused = await renew(platform, platform.first, team, member["membership_id"])
    assert refusal(refused) == (404, "not_found")


async def test_operators_are_reminded_twice_and_again_after_a_renewal(platform: Platform) -> None:
    team = await county_team(platform)
    member: dict[str, Any] = (await add(platform.api, platform.first, team, new_phone(), "county_team")).json()
    assert await reminders(platform) == []
    seen = 0
    for days in (29, 28, 6, 5):
        await move_end(platform, member["membership_id"], now() + timedelta(days=days))
        events = await reminders(platform)
        assert len(events) - seen == (days in {29, 6})
        seen = len(events)
    assert set(events[0].data) == {"membership_id", "organisation_id", "person_id", "role", "expires_at"}
    assert (await renew(platform, platform.first, team, member["membership_id"])).status_code == 201
    await move_end(platform, member["membership_id"], now() + timedelta(days=20))
    assert len(await reminders(platform)) == seen + 1


async def test_a_short_role_is_announced_once(platform: Platform) -> None:
    body = {"phone": new_phone(), "role": "county_team", "until": (today() + timedelta(days=2)).isoformat()}
    members = f"{ORGANISATIONS}/{await county_team(platform)}/members"
    assert (await platform.api.post(members, json=body, headers=platform.first | once())).status_code == 201
    assert len(await reminders(platform)) == 1
    assert len(await reminders(platform)) == 1


async def test_who_became_operator_today_approves_nothing(platform: Platform) -> None:
    """Whoever raises a helper has to wait for a day, in which others see it."""
    _, phone, _ = await platform.person()
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")).json()
    approve = f"{ROLE_CHANGES}/{proposed['role_change_id']}/approve"
    async with running(platform.settings, cooling_off_hours=24) as app, browser_on(app) as api:
        refused = await api.post(approve, headers=platform.second | once())
        assert refusal(refused) == (403, "role_too_new")
        assert f"{(now() + timedelta(hours=24)).astimezone(CHINA):%Y-%m-%d}" in refused.json()["detail"]
        async with platform.database.transaction() as tx:
            await tx.execute(update(Membership).values(created_at=now() - timedelta(hours=24)))
        assert (await api.post(approve, headers=platform.second | once())).json()["status"] == "approved"
