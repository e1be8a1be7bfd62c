"""Nobody grants, approves or removes a role beyond their division."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from chassis.db import Database, now
from chassis.testing import emitted, once
from svc_identity.organisations.models import Membership
from tests.databases import as_administrator
from tests.svc_identity.conftest import browser_on, new_phone, running
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.counties import HUOCHENG, YINING, also, organisation, staff
from tests.svc_identity.organisations.role_changes.requests import (
    ROLE_CHANGES,
    decide,
    propose_grant,
    propose_removal,
)
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, add, create, refusal

BEYOND = (403, "not_your_division")


async def test_a_county_operator_grants_within_the_county_only(platform: Platform) -> None:
    here, there = [await organisation(platform, each) for each in (YINING, HUOCHENG)]
    own = await staff(platform, here)
    refused = [
        await propose_grant(platform.api, own.headers, there, new_phone(), "operator"),
        await propose_grant(platform.api, own.headers, platform.id, own.phone, "operator"),
        await create(platform.api, own.headers, division_code=HUOCHENG),
        await create(platform.api, own.headers, division_code="654000", kind="platform"),
    ]
    assert [refusal(each) for each in refused] == [BEYOND] * 4
    assert "654023" in refused[0].json()["detail"]
    team = await create(platform.api, own.headers, division_code=YINING)
    assert team.status_code == 201
    member = await add(platform.api, own.headers, team.json()["organisation_id"], new_phone(), "county_team")
    assert member.status_code == 201
    assert (await propose_grant(platform.api, own.headers, here, new_phone(), "auditor")).status_code == 201


async def test_a_county_operator_adds_and_removes_nobody_elsewhere(platform: Platform) -> None:
    own = await staff(platform, await organisation(platform, YINING))
    team = await organisation(platform, HUOCHENG, "county_team")
    member = (await add(platform.api, platform.first, team, new_phone(), "county_team")).json()
    members = f"{ORGANISATIONS}/{team}/members"
    clerk = {"phone": new_phone(), "role": "clerk"}
    answers = [
        await add(platform.api, own.headers, team, new_phone(), "county_team"),
        await platform.api.post(f"{ORGANISATIONS}/{team}/counter-staff", json=clerk, headers=own.headers | once()),
        await platform.api.delete(f"{members}/{member['membership_id']}", headers=own.headers),
        await propose_removal(platform.api, own.headers, team, member["membership_id"]),
        await platform.api.get(members, headers=own.headers),
        await platform.api.get(f"{ORGANISATIONS}/{team}/counter-staff", headers=own.headers),
    ]
    assert [refusal(each) for each in answers] == [BEYOND] * 6


async def test_nobody_decides_on_a_proposal_of_another_county_or_of_the_prefecture(platform: Platform) -> None:
    here, there = [await organisation(platform, each) for each in (YINING, HUOCHENG)]
    stranger = await staff(platform, there)
    for organisation_id in (here, platform.id):
        _, phone, _ = await platform.person()
        change = (await propose_grant(platform.api, platform.first, organisation_id, phone, "operator")).json()
        for step in ("approve", "reject"):
            refused = await decide(platform.api, stranger.headers, change["role_change_id"], step)
            assert refusal(refused) == BEYOND
        one = await platform.api.get(f"{ROLE_CHANGES}/{change['role_change_id']}", headers=stranger.headers)
        assert refusal(one) == BEYOND
    listed = (await platform.api.get(ROLE_CHANGES, headers=stranger.headers)).json()["items"]
    assert {each["organisation_id"] for each in listed} == {there}


async def test_operators_of_the_prefecture_and_of_the_county_approve_for_each_other(platform: Platform) -> None:
    here = await organisation(platform, YINING)
    own = await staff(platform, here)
    assert (await staff(platform, here, "auditor", own.headers, platform.second)).membership_id
    third = await staff(platform, here, "operator", platform.second, platform.first)
    assert (await staff(platform, here, "auditor", own.headers, third.headers)).membership_id


async def test_a_helper_raised_in_another_county_approves_nothing(platform: Platform) -> None:
    """Two operators of one county may raise whom they like there: it gives power over nothing else."""
    here, there = [await organisation(platform, each) for each in (YINING, HUOCHENG)]
    one = await staff(platform, there, "operator", platform.first, platform.second)
    other = await staff(platform, there, "operator", platform.second, platform.first)
    helper = await staff(platform, there, "operator", one.headers, other.headers)
    own = await staff(platform, here)
    waiting = (await propose_grant(platform.api, own.headers, here, new_phone(), "auditor")).json()
    assert refusal(await decide(platform.api, helper.headers, waiting["role_change_id"], "approve")) == BEYOND


async def test_time_in_a_county_is_no_time_in_the_prefecture(platform: Platform) -> None:
    """Long an operator of a county, operator of the prefecture for a moment: they approve nothing for the latter."""
    someone = await staff(platform, await organisation(platform, YINING))
    async with platform.database.transaction() as tx:
        ours = Membership.person_id == someone.person_id
        await tx.execute(update(Membership).where(ours).values(created_at=now() - timedelta(days=9)))
    await also(platform, someone, platform.id, "operator")
    _, phone, _ = await platform.person()
    third = await staff(platform, platform.id, "operator", platform.second, platform.first)
    waiting = (await propose_grant(platform.api, third.headers, platform.id, phone, "auditor")).json()
    async with running(platform.settings, cooling_off_hours=24) as app, browser_on(app) as api:
        refused = await decide(api, someone.headers, waiting["role_change_id"], "approve")
    assert refusal(refused) == (403, "role_too_new")


async def test_a_proposal_ends_with_the_role_that_reached_its_division(platform: Platform) -> None:
    """Operator of two counties: the role in the other one keeps no proposal of the first alive."""
    here, there = [await organisation(platform, each) for each in (YINING, HUOCHENG)]
    someone = await staff(platform, here)
    await also(platform, someone, there, "operator")
    _, phone, _ = await platform.person()
    waiting = (await propose_grant(platform.api, someone.headers, here, phone, "auditor")).json()
    removal = (await propose_removal(platform.api, platform.first, here, someone.membership_id)).json()
    assert (await decide(platform.api, platform.second, removal["role_change_id"], "approve")).status_code == 200
    refused = await decide(platform.api, platform.second, waiting["role_change_id"], "approve")
    assert refusal(refused) == (409, "proposer_no_longer_operator")
    again = await propose_grant(platform.api, someone.headers, here, new_phone(), "auditor")
    assert refusal(again) == BEYOND


async def test_a_removed_county_operators_token_does_nothing(platform: Platform) -> None:
    here = await organisation(platform, YINING)
    someone = await staff(platform, here)
    removal = (await propose_removal(platform.api, platform.first, here, someone.membership_id)).json()
    assert (await decide(platform.api, platform.second, removal["role_change_id"], "approve")).status_code == 200
    refused = await propose_grant(platform.api, someone.headers, here, new_phone(), "auditor")
    assert refusal(refused) == (403, "no_longer_operator")


async def test_operators_of_counties_do_not_count_as_the_last_two(platform: Platform) -> None:
    here = await organisation(platform, YINING)
    for _ in range(2):
        await staff(platform, here)
    async with platform.database.read() as tx:
        second = (await tx.scalars(select(Membership).order_by(Membership.id).offset(1))).first()
    assert second is not None
    removal = (await propose_removal(platform.api, platform.second, platform.id, str(second.id))).json()
    refused = await decide(platform.api, platform.first, removal["role_change_id"], "approve")
    assert refusal(refused) == (409, "last_operators")


async def test_a_role_in_a_county_makes_nobody_dependent_in_the_prefecture(platform: Platform) -> None:
    """Else two operators of a county could stop the prefecture, by roles that they give to its operators."""
    here = await organisation(platform, YINING)
    puppet = await staff(platform, here, "operator", platform.first, platform.second)
    other = await staff(platform, here, "operator", platform.second, platform.first)
    third = await staff(platform, platform.id, "operator", platform.second, platform.first)
    await also(platform, third, here, "operator", puppet.headers, other.headers)
    _, phone, _ = await platform.person()
    waiting = (await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")).json()
    assert (await decide(platform.api, third.headers, waiting["role_change_id"], "approve")).status_code == 200


async def test_an_auditor_of_a_county_reads_the_role_changes_of_the_county(platform: Platform) -> None:
    here, there = [await organisation(platform, each) for each in (YINING, HUOCHENG)]
    await staff(platform, there)
    auditor = await staff(platform, here, "auditor")
    listed = (await platform.api.get(ROLE_CHANGES, headers=auditor.headers)).json()["items"]
    assert [each["organisation_id"] for each in listed] == [here]


async def test_two_approvals_at_once_carry_out_one(platform: Platform) -> None:
    here = await organisation(platform, YINING)
    _, phone, _ = await platform.person()
    waiting = (await propose_grant(platform.api, platform.first, here, phone, "auditor")).json()
    third = await staff(platform, here, "operator", platform.second, platform.first)
    answers = await asyncio.gather(
        *(decide(platform.api, each, waiting["role_change_id"], "approve") for each in (platform.second, third.headers))
    )
    assert sorted(each.status_code for each in answers) == [200, 409]


@pytest.mark.parametrize("change", ["division_code = '654000'", "kind = 'review_body'"])
async def test_an_organisation_does_not_move(platform: Platform, change: str) -> None:
    here = await organisation(platform, YINING)
    administrator = Database(as_administrator(platform.database.engine.url))
    with pytest.raises(DBAPIError, match="keeps its division"):
        async with administrator.transaction() as tx:
            await tx.execute(text(f"UPDATE organisations SET {change} WHERE id = '{here}'"))  # noqa: S608 - our own
    await administrator.close()


async def test_a_county_operator_lets_nobody_of_the_prefecture_set_up_a_factor(platform: Platform) -> None:
    own = await staff(platform, await organisation(platform, YINING))
    third = await staff(platform, platform.id)
    body = {"phone": third.phone, "reason": "lost the phone"}
    for address in ("enrolment-codes", "factor-resets"):
        answer = await platform.api.post(f"/identity/v1/{address}", json=body, headers=own.headers | once())
        assert refusal(answer) == BEYOND
    reset = await platform.api.post("/identity/v1/factor-resets", json=body, headers=platform.first | once())
    for step in ("approve", "reject"):
        address = f"/identity/v1/factor-resets/{reset.json()['factor_reset_id']}/{step}"
        assert refusal(await platform.api.post(address, headers=own.headers | once())) == BEYOND


async def test_a_county_operator_suspends_staff_of_the_county_only(platform: Platform) -> None:
    here = await organisation(platform, YINING)
    own, colleague = await staff(platform, here), await staff(platform, here, "auditor")
    prefectures = await staff(platform, platform.id)
    _, resident, _ = await platform.person()
    wanted = [
        {"subject": "person", "person_id": prefectures.person_id},
        {"subject": "phone", "phone": resident},
        {"subject": "client", "client_id": "myili-app"},
        {"subject": "person", "person_id": colleague.person_id},
    ]
    answers = [
        await platform.api.post(
            "/identity/v1/suspensions", json=each | {"reason": "attack"}, headers=own.headers | once()
        )
        for each in wanted
    ]
    assert [refusal(each) for each in answers[:3]] == [BEYOND] * 3
    assert answers[3].status_code == 201


async def test_staff_of_a_county_reads_nothing_of_other_staff(platform: Platform) -> None:
    here, there = [await organisation(platform, each) for each in (YINING, HUOCHENG)]
    own, auditor, other = (
        await staff(platform, here),
        await staff(platform, here, "auditor"),
        await staff(platform, there),
    )
    body = {"subject": "person", "person_id": other.person_id, "reason": "attack"}
    suspended = await platform.api.post("/identity/v1/suspensions", json=body, headers=platform.first | once())
    assert suspended.status_code == 201
    reset = {"phone": other.phone, "reason": "lost the phone"}
    await platform.api.post("/identity/v1/factor-resets", json=reset, headers=platform.first | once())
    for address in ("/identity/v1/suspensions", "/identity/v1/factor-resets"):
        seen = [
            (await platform.api.get(address, headers=each)).json()["items"] for each in (own.headers, auditor.headers)
        ]
        assert seen == [[], []]
        assert len((await platform.api.get(address, headers=platform.first)).json()["items"]) == 1
    for address in (f"/identity/v1/data-reads/{other.person_id}", "/identity/v1/identity-claims/12345678"):
        assert refusal(await platform.api.get(address, headers=auditor.headers)) == BEYOND


async def test_events_name_the_division_and_tell_a_withdrawal_from_a_rejection(platform: Platform) -> None:
    here = await organisation(platform, YINING)
    for operator in (platform.first, platform.second):
        change = (await propose_grant(platform.api, platform.first, here, new_phone(), "auditor")).json()
        await decide(platform.api, operator, change["role_change_id"], "reject")
    async with platform.database.read() as tx:
        events = [event.data for event in await emitted(tx) if ".role_change.rejected." in event.type]
    assert [(each["status"], each["division_code"]) for each in events] == [("withdrawn", YINING), ("rejected", YINING)]
