"""Security officers suspend and lift; they are made by two operators and grant nothing."""

import httpx

from chassis.testing import once
from tests.svc_identity.conftest import browser_on, new_phone, running
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.counties import YINING, Staff, organisation, staff
from tests.svc_identity.organisations.role_changes.requests import Headers, propose_grant
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, create, refusal

SUSPENSIONS = "/identity/v1/suspensions"
OFFICER = "security_officer"


async def suspend(api: httpx.AsyncClient, by: Headers, person_id: str) -> httpx.Response:
    body = {"subject": "person", "person_id": person_id, "reason": "the phone was stolen"}
    return await api.post(SUSPENSIONS, json=body, headers=by | once())


async def lift(api: httpx.AsyncClient, by: Headers, suspended: httpx.Response) -> httpx.Response:
    address = f"{SUSPENSIONS}/{suspended.json()['suspension_id']}/lift"
    return await api.post(address, json={"reason": "found again"}, headers=by | once())


async def officers(platform: Platform) -> list[Staff]:
    """Two, of whom neither owes the role to the other."""
    both = ((platform.first, platform.second), (platform.second, platform.first))
    return [await staff(platform, platform.id, OFFICER, *by) for by in both]


async def test_two_operators_make_an_officer_who_is_listed(platform: Platform) -> None:
    (officer, _) = await officers(platform)
    listed = (await platform.api.get(f"{ORGANISATIONS}/{platform.id}/staff", headers=platform.first)).json()["items"]
    assert [each["role"] for each in listed] == ["operator", "operator", OFFICER, OFFICER]
    assert listed[2]["membership_id"] == officer.membership_id
    members = (await platform.api.get(f"{ORGANISATIONS}/{platform.id}/members", headers=platform.first)).json()["items"]
    assert [each["role"] for each in members] == ["operator", "operator"]
    team = await organisation(platform, YINING, "county_team")
    wrong = await propose_grant(platform.api, platform.first, team, new_phone(), OFFICER)
    assert refusal(wrong) == (422, "role_does_not_fit")


async def test_one_officer_suspends_and_another_lifts(platform: Platform) -> None:
    one, other = await officers(platform)
    someone = await staff(platform, platform.id, "auditor")
    suspended = await suspend(platform.api, one.headers, someone.person_id)
    assert suspended.status_code == 201, suspended.text
    assert refusal(await lift(platform.api, one.headers, suspended)) == (403, "second_person_needed")
    assert (await lift(platform.api, other.headers, suspended)).status_code == 200
    listed = (await platform.api.get(SUSPENSIONS, headers=one.headers)).json()["items"]
    assert [each["person_id"] for each in listed] == [someone.person_id]


async def test_an_operator_still_suspends_in_an_emergency(platform: Platform) -> None:
    (officer, _) = await officers(platform)
    suspended = await suspend(platform.api, platform.first, officer.person_id)
    assert suspended.status_code == 201
    assert (await lift(platform.api, platform.second, suspended)).status_code == 200


async def test_an_officer_lifts_nothing_for_the_operator_who_proposed_them(platform: Platform) -> None:
    made_by_first, made_by_second = await officers(platform)
    someone = await staff(platform, platform.id, "auditor")
    suspended = await suspend(platform.api, platform.first, someone.person_id)
    refused = await lift(platform.api, made_by_first.headers, suspended)
    assert refusal(refused) == (403, "approver_not_independent")
    assert (await lift(platform.api, made_by_second.headers, suspended)).status_code == 200


async def test_a_new_officer_lifts_nothing_for_a_day(platform: Platform) -> None:
    one, other = await officers(platform)
    someone = await staff(platform, platform.id, "auditor")
    async with running(platform.settings, cooling_off_hours=24) as app, browser_on(app) as api:
        suspended = await suspend(api, one.headers, someone.person_id)
        assert suspended.status_code == 201
        assert refusal(await lift(api, other.headers, suspended)) == (403, "role_too_new")


async def test_an_officer_grants_nothing_and_a_countys_reaches_the_county(platform: Platform) -> None:
    (officer, _) = await officers(platform)
    here = await organisation(platform, YINING)
    for answer in (
        await propose_grant(platform.api, officer.headers, platform.id, new_phone(), "auditor"),
        await create(platform.api, officer.headers),
        await platform.api.get(f"{ORGANISATIONS}/{platform.id}/staff", headers=officer.headers),
    ):
        assert refusal(answer) == (403, "not_allowed")
    countys, colleague = await staff(platform, here, OFFICER), await staff(platform, here, "auditor")
    assert refusal(await suspend(platform.api, countys.headers, officer.person_id)) == (403, "not_your_division")
    assert (await suspend(platform.api, countys.headers, colleague.person_id)).status_code == 201


async def test_an_officer_does_not_suspend_the_last_operators(platform: Platform) -> None:
    (officer, _) = await officers(platform)
    listed = (await platform.api.get(f"{ORGANISATIONS}/{platform.id}/members", headers=platform.first)).json()["items"]
    refused = await suspend(platform.api, officer.headers, listed[0]["person_id"])
    assert refusal(refused) == (409, "last_operators")
