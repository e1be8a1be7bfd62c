"""Teams: who founds them, who belongs to them, and what a member may do."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update

from chassis.db import Database, new_id, now
from chassis.testing import once
from kit.staff.models import staff_roles
from tests.svc_miniapps.stage import KUYTUN, YINING, Headers, Stage, outcome, package_of

TEAMS = "/miniapps/v1/teams"


async def found(stage: Stage, caller: Headers | None = None, division_code: str = YINING) -> httpx.Response:
    headers = (caller or stage.team) | once()
    return await stage.api.post(TEAMS, json={"division_code": division_code}, headers=headers)


def person(stage: Stage, person_id: UUID, division_code: str = YINING) -> Headers:
    return stage.person(("county_team", stage.team_organisation, division_code), person_id=person_id)


async def members(stage: Stage, caller: Headers | None = None) -> dict[str, str]:
    team_id = (await stage.teams(caller))[0]["team_id"]
    answer = await stage.api.get(f"{TEAMS}/{team_id}/members", headers=caller or stage.team)
    return {item["person_id"]: item["role"] for item in answer.json()["items"]}


async def remove(stage: Stage, person_id: object, caller: Headers | None = None) -> httpx.Response:
    team_id = (await stage.teams())[0]["team_id"]
    return await stage.api.delete(f"{TEAMS}/{team_id}/members/{person_id}", headers=caller or stage.team)


async def test_a_founder_leads(stage: Stage) -> None:
    answer = await found(stage)
    assert answer.status_code == 201
    assert (answer.json()["division_code"], answer.json()["app_quota"]) == (YINING, 50)
    assert list((await members(stage)).values()) == ["lead"]
    assert outcome(await found(stage)) == (409, "team_exists")


@pytest.mark.parametrize(
    ("division_code", "code"),
    [
        ("654002001", "team_below_county"),
        ("654002001001", "team_below_county"),
        ("654099", "unknown_division"),
        ("6540020", "invalid_request"),
        ("６５４００２", "invalid_request"),
    ],
)
async def test_a_team_needs_a_county(stage: Stage, division_code: str, code: str) -> None:
    assert outcome(await found(stage, division_code=division_code)) == (422, code)


async def test_a_team_is_founded_by_its_own_staff(stage: Stage) -> None:
    assert outcome(await found(stage, division_code=KUYTUN)) == (403, "not_your_division")
    assert outcome(await found(stage, stage.reviewer)) == (403, "not_allowed")


async def test_one_of_two_colleagues_founds_the_team(stage: Stage) -> None:
    callers = [person(stage, new_id()) for _ in range(4)]
    answers = await asyncio.gather(*(found(stage, caller) for caller in callers))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_of_two_first_registrations_one_founds_the_team(stage: Stage) -> None:
    callers = [person(stage, new_id()) for _ in range(4)]
    answers = await asyncio.gather(
        *(stage.register(caller, name=f"应用{place}") for place, caller in enumerate(callers, 2))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403]


async def test_a_colleague_acts_once_a_lead_adds_them(stage: Stage) -> None:
    app, colleague = await stage.registered(), new_id()
    caller = person(stage, colleague)
    path = f"/miniapps/v1/apps/{app['app_id']}"
    assert outcome(await stage.api.get(path, headers=caller)) == (404, "not_found")
    assert outcome(await stage.register(caller, name="挂号")) == (403, "not_your_division")
    assert (await stage.set_role(colleague)).json()["role"] == "developer"
    assert (await stage.api.get(path, headers=caller)).status_code == 200
    assert (await stage.upload(app, caller=caller)).status_code == 201
    assert (await remove(stage, colleague)).status_code == 204
    # With the next request, whatever the token says.
    assert outcome(await stage.api.get(path, headers=caller)) == (404, "not_found")
    assert outcome(await stage.upload(app, 2, caller=caller)) == (404, "not_found")


async def test_a_tester_changes_nothing(stage: Stage) -> None:
    app, tester = await stage.registered(), new_id()
    caller = await stage.colleague("tester", tester)
    assert outcome(await stage.upload(app, content=package_of(app), caller=caller)) == (404, "not_found")
    assert outcome(await stage.register(caller, name="挂号")) == (403, "not_your_division")
    assert (await members(stage, caller))[str(tester)] == "tester"


async def test_only_leads_decide_who_belongs(stage: Stage) -> None:
    await stage.registered()
    developer, other = new_id(), new_id()
    caller = await stage.colleague("developer", developer)
    await stage.teams(person(stage, other))
    assert outcome(await stage.set_role(other, lead=caller)) == (403, "not_team_lead")
    stranger = stage.team_of(YINING)
    team_id = (await stage.teams())[0]["team_id"]
    assert outcome(await stage.set_role(other, lead=stranger, team_id=team_id)) == (404, "not_found")
    assert outcome(await stage.set_role(new_id())) == (422, "not_staff_of_team")
    assert outcome(await remove(stage, other, caller)) == (403, "not_team_lead")
    assert (await remove(stage, developer, caller)).status_code == 204


async def test_the_last_lead_stays(stage: Stage) -> None:
    await stage.registered()
    lead = next(iter(await members(stage)))
    assert outcome(await remove(stage, lead)) == (409, "last_lead")
    assert outcome(await stage.set_role(lead, "developer")) == (409, "last_lead")
    second = new_id()
    await stage.colleague("lead", second)
    assert (await remove(stage, lead)).status_code == 204
    assert outcome(await remove(stage, second, person(stage, second))) == (409, "last_lead")


async def test_two_leads_who_leave_at_once_leave_one(stage: Stage) -> None:
    await stage.registered()
    lead, second = next(iter(await members(stage))), new_id()
    caller = await stage.colleague("lead", second)
    answers = await asyncio.gather(remove(stage, lead), remove(stage, second, caller))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_a_team_is_led_on_when_its_leads_have_lost_their_role(stage: Stage, database: Database) -> None:
    await stage.registered()
    lead, caller = next(iter(await members(stage))), person(stage, new_id())
    path = f"{TEAMS}/{(await stage.teams(caller))[0]['team_id']}/lead"
    assert outcome(await stage.api.post(path, headers=caller | once())) == (409, "team_has_lead")
    async with database.transaction() as tx:
        ended = update(staff_roles).where(staff_roles.c.person_id == UUID(lead)).values(ended_at=now())
        await tx.execute(ended)
    assert (await stage.api.post(path, headers=caller | once())).json()["role"] == "lead"
    assert (await stage.registered(caller, name="挂号"))["division_code"] == YINING


async def test_quotas_hold(stage: Stage, database: Database) -> None:
    await stage.registered()
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE teams SET app_quota = 1, member_quota = 1"))
    assert outcome(await stage.register(name="挂号")) == (409, "app_quota_reached")
    colleague = new_id()
    await stage.teams(person(stage, colleague))
    assert outcome(await stage.set_role(colleague)) == (409, "member_quota_reached")
