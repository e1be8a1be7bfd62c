"""An app goes to another team: by two leads, and a reviewer where the division changes."""

import asyncio
from uuid import UUID

import httpx
from sqlalchemy import text, update

from chassis.db import Database, new_id, now
from chassis.testing import emitted, once
from kit.staff.models import staff_roles
from tests.svc_miniapps.publishing.clients.test_clients import approved, ask
from tests.svc_miniapps.stage import KUYTUN, YINING, Headers, Json, Stage, outcome


class Other:
    """Another organisation's team."""

    def __init__(self, stage: Stage, division_code: str = YINING) -> None:
        self.organisation, self.division_code, self.lead_id = new_id(), division_code, new_id()
        membership = ("county_team", self.organisation, division_code)
        self.lead = stage.person(membership, person_id=self.lead_id)

    async def id(self, stage: Stage) -> str:
        body = {"division_code": self.division_code}
        await stage.api.post("/miniapps/v1/teams", json=body, headers=self.lead | once())
        return (await stage.teams(self.lead))[0]["team_id"]  # type: ignore[no-any-return]


async def propose(stage: Stage, app: Json, team_id: str, caller: Headers | None = None) -> httpx.Response:
    path, body = f"/miniapps/v1/apps/{app['app_id']}/handovers", {"to_team_id": team_id}
    return await stage.api.post(path, json=body, headers=(caller or stage.team) | once())


async def step(stage: Stage, handover: Json, name: str, caller: Headers) -> httpx.Response:
    path = f"/miniapps/v1/handovers/{handover['handover_id']}/{name}"
    return await stage.api.post(path, headers=caller | once())


async def proposed(stage: Stage, other: Other, app: Json | None = None) -> Json:
    answer = await propose(stage, app or await stage.registered(), await other.id(stage))
    assert answer.status_code == 201, answer.text
    handover: Json = answer.json()
    return handover


async def sees(stage: Stage, app_id: str, caller: Headers) -> int:
    return (await stage.api.get(f"/miniapps/v1/apps/{app_id}", headers=caller)).status_code


async def test_in_one_division_the_other_lead_takes_it(stage: Stage, database: Database) -> None:
    other, app = Other(stage), await stage.registered()
    await stage.published(app)
    handover = await proposed(stage, other, app)
    assert outcome(await step(stage, handover, "accept", stage.team)) == (404, "not_found")
    accepted = await step(stage, handover, "accept", other.lead)
    assert accepted.json()["status"] == "completed"
    assert (await sees(stage, app["app_id"], other.lead), await sees(stage, app["app_id"], stage.team)) == (200, 404)
    async with database.read() as tx:
        event = (await emitted(tx))[-1]
    assert event.type == "cn.ili.miniapps.app.handed_over.v1"
    assert event.data["organisation_id"] == str(other.organisation)


async def test_a_change_of_division_is_confirmed_by_a_reviewer(stage: Stage) -> None:
    other, app = Other(stage, KUYTUN), await stage.registered()
    await stage.published(app)
    handover = await proposed(stage, other, app)
    assert (await step(stage, handover, "accept", other.lead)).json()["status"] == "accepted"
    assert await sees(stage, app["app_id"], other.lead) == 404
    near = stage.tokens.staff("reviewer", organisation_id=new_id(), division_code=YINING)
    assert outcome(await step(stage, handover, "confirm", near)) == (403, "not_your_division")
    own = stage.tokens.staff("reviewer", organisation_id=other.organisation)
    assert outcome(await step(stage, handover, "confirm", own)) == (403, "own_organisation")
    waiting = await stage.api.get("/miniapps/v1/handovers", headers=stage.reviewer)
    assert [each["handover_id"] for each in waiting.json()["items"]] == [handover["handover_id"]]
    assert (await step(stage, handover, "confirm", stage.reviewer)).json()["status"] == "completed"
    assert (await stage.catalogue(YINING), len(await stage.catalogue(KUYTUN))) == ([], 1)
    # The name is free again where it came from.
    await stage.registered()


async def test_a_name_of_the_other_division_keeps_the_app_where_it_is(stage: Stage) -> None:
    other = Other(stage, KUYTUN)
    handover = await proposed(stage, other)
    await stage.registered(stage.team_of(KUYTUN), division_code=KUYTUN)
    await step(stage, handover, "accept", other.lead)
    assert outcome(await step(stage, handover, "confirm", stage.reviewer)) == (409, "name_taken")
    assert await sees(stage, handover["app_id"], stage.team) == 200


async def test_nobody_agrees_with_themselves(stage: Stage) -> None:
    person_id, organisation = new_id(), new_id()
    both = stage.person(
        ("county_team", stage.team_organisation, YINING), ("county_team", organisation, YINING), person_id=person_id
    )
    app = await stage.registered()
    await stage.teams(both)
    await stage.set_role(person_id, "lead")
    team = await stage.api.post("/miniapps/v1/teams", json={"division_code": YINING}, headers=both | once())
    assert outcome(team) == (409, "team_exists")
    alone = stage.person(("county_team", organisation, YINING), person_id=person_id)
    team = await stage.api.post("/miniapps/v1/teams", json={"division_code": YINING}, headers=alone | once())
    handover = (await propose(stage, app, team.json()["team_id"], both)).json()
    assert outcome(await step(stage, handover, "accept", both)) == (403, "second_person_needed")


async def test_developers_hand_nothing_over(stage: Stage) -> None:
    other, app = Other(stage), await stage.registered()
    developer = await stage.colleague()
    assert outcome(await propose(stage, app, await other.id(stage), developer)) == (403, "not_team_lead")
    own = (await stage.teams())[0]["team_id"]
    assert outcome(await propose(stage, app, own)) == (422, "same_team")
    assert outcome(await propose(stage, app, str(new_id()))) == (404, "not_found")


async def test_a_proposal_ends_with_the_role_of_its_proposer(stage: Stage, database: Database) -> None:
    other = Other(stage)
    handover = await proposed(stage, other)
    async with database.transaction() as tx:
        mine = staff_roles.c.person_id == UUID(handover["proposed_by"])
        await tx.execute(update(staff_roles).where(mine).values(ended_at=now()))
    assert outcome(await step(stage, handover, "accept", other.lead)) == (409, "proposer_without_role")


async def test_a_waiting_review_keeps_the_app_where_it_is(stage: Stage) -> None:
    other, app = Other(stage), await stage.registered()
    handover = await proposed(stage, other, app)
    await ask(stage, app)
    assert outcome(await step(stage, handover, "accept", other.lead)) == (409, "handover_blocked")


async def test_the_client_of_the_old_team_stops(stage: Stage) -> None:
    other, app = Other(stage), await stage.registered()
    await approved(stage, app)
    handover = await proposed(stage, other, app)
    assert (await step(stage, handover, "accept", other.lead)).status_code == 200
    client = await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/client", headers=other.lead)
    assert client.json()["suspended_by"] == str(other.lead_id)


async def test_a_full_team_takes_no_app(stage: Stage, database: Database) -> None:
    other = Other(stage)
    await stage.registered(other.lead, name="挂号")
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE teams SET app_quota = 1"))
    handover = await proposed(stage, other)
    assert outcome(await step(stage, handover, "accept", other.lead)) == (409, "app_quota_reached")


async def test_one_of_two_proposals_at_once_stands(stage: Stage) -> None:
    app, others = await stage.registered(), [Other(stage), Other(stage)]
    teams = [await other.id(stage) for other in others]
    answers = await asyncio.gather(*(propose(stage, app, team_id) for team_id in teams))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_accepting_and_withdrawing_at_once_has_one_outcome(stage: Stage) -> None:
    other = Other(stage)
    handover = await proposed(stage, other)
    answers = await asyncio.gather(
        step(stage, handover, "accept", other.lead), step(stage, handover, "withdraw", stage.team)
    )
    assert 200 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {200, 404, 409}
    assert [answer.status_code for answer in answers].count(200) == 1


async def test_a_declined_or_rejected_app_stays(stage: Stage) -> None:
    other, far = Other(stage), Other(stage, KUYTUN)
    app = await stage.registered()
    handover = await proposed(stage, other, app)
    assert (await step(stage, handover, "decline", other.lead)).json()["status"] == "declined"
    handover = await proposed(stage, far, app)
    await step(stage, handover, "accept", far.lead)
    assert (await step(stage, handover, "reject", stage.reviewer)).json()["status"] == "rejected"
    assert outcome(await step(stage, handover, "confirm", stage.reviewer)) == (409, "illegal_move")
    assert await sees(stage, app["app_id"], stage.team) == 200
