"""A county's reviewer decides on that county's mini-apps only; one of the prefecture on all."""

import pytest

from chassis.db import new_id
from tests.svc_miniapps.publishing.clients.test_clients import ask, decide, suspend
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Headers, Stage, outcome

BEYOND = (403, "not_your_division")


def reviewer(stage: Stage, division_code: str) -> Headers:
    return stage.tokens.staff("reviewer", organisation_id=new_id(), division_code=division_code)


async def test_a_countys_reviewer_decides_within_the_county(stage: Stage) -> None:
    release_id = await stage.draft(await stage.registered())
    await stage.step(release_id, "submit")
    stranger, own = reviewer(stage, KUYTUN), reviewer(stage, YINING)
    for step in ("approve", "reject"):
        refused = await stage.step(release_id, step, stranger)
        assert outcome(refused) == BEYOND
        assert YINING in refused.json()["detail"]
    waiting = [(await stage.api.get("/miniapps/v1/reviews", headers=each)).json()["items"] for each in (stranger, own)]
    assert [len(each) for each in waiting] == [0, 1]
    address = f"/miniapps/v1/releases/{release_id}"
    assert [(await stage.api.get(address, headers=each)).status_code for each in (stranger, own)] == [404, 200]
    assert (await stage.step(release_id, "approve", own)).status_code == 200


async def test_a_countys_reviewer_does_not_decide_for_the_prefecture(stage: Stage) -> None:
    team = stage.team_of(PREFECTURE)
    release_id = await stage.draft(await stage.registered(team, division_code=PREFECTURE), caller=team)
    await stage.step(release_id, "submit", team)
    assert outcome(await stage.step(release_id, "approve", reviewer(stage, YINING))) == BEYOND
    assert (await stage.step(release_id, "approve", reviewer(stage, PREFECTURE))).status_code == 200


@pytest.mark.parametrize("step", ["approve", "reject"])
async def test_a_client_is_a_matter_of_its_county(stage: Stage, step: str) -> None:
    app = await stage.registered()
    request = (await ask(stage, app)).json()
    stranger, own = reviewer(stage, KUYTUN), reviewer(stage, YINING)
    assert outcome(await decide(stage, request, step, stranger)) == BEYOND
    shown = [(await stage.api.get("/miniapps/v1/client-requests", headers=each)).json() for each in (stranger, own)]
    assert [len(each["items"]) for each in shown] == [0, 1]
    assert (await decide(stage, request, step, own)).status_code == 200
    assert outcome(await suspend(stage, app, stranger)) == (404, "not_found")


async def test_a_reviewer_of_two_places_decides_by_the_one_that_reaches(stage: Stage) -> None:
    release_id = await stage.draft(await stage.registered())
    await stage.step(release_id, "submit")
    both = stage.person(("reviewer", new_id(), KUYTUN), ("reviewer", new_id(), YINING))
    assert (await stage.step(release_id, "approve", both)).status_code == 200
