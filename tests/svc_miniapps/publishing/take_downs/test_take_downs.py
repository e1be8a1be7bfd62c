"""Taking an app from residents: by two operators, by one in an emergency, or by its team."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import emitted
from svc_miniapps.publishing.gray.service import gray_for
from svc_miniapps.publishing.take_downs.service import lapse_unconfirmed
from tests.svc_miniapps.publishing.clients.test_clients import approved, ask
from tests.svc_miniapps.stage import YINING, Json, Stage, outcome

REASON = {"reason": "页面内容与审核时不符"}


async def propose(stage: Stage, app: Json, *, emergency: bool = False, caller: Json | None = None) -> httpx.Response:
    path = f"apps/{app['app_id']}/take-downs"
    return await stage.post(path, caller or stage.operator, REASON | {"emergency": emergency})


async def act(stage: Stage, down: Json, step: str, caller: Json, body: Json | None = None) -> httpx.Response:
    return await stage.post(f"take-downs/{down['take_down_id']}/{step}", caller, body)


async def taken_down(stage: Stage, app: Json) -> Json:
    down: Json = (await propose(stage, app)).json()
    answer = await act(stage, down, "confirm", stage.second_operator)
    assert answer.status_code == 200, answer.text
    return down


async def is_shown(stage: Stage, app: Json) -> bool:
    listed = [each["app_id"] for each in await stage.catalogue()]
    path = f"/miniapps/v1/catalogue/{app['app_id']}"
    found = {(await stage.api.get(each)).status_code for each in (path, f"{path}/package")}
    assert found == ({200} if app["app_id"] in listed else {404})
    return app["app_id"] in listed


@pytest.fixture
async def app(stage: Stage) -> Json:
    """A published app whose residents can sign in."""
    app = await stage.registered()
    await stage.published(app)
    await approved(stage, app)
    return app


async def is_suspended(stage: Stage, app: Json) -> bool:
    client = (await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/client", headers=stage.team)).json()
    return client["suspended_at"] is not None


async def test_an_ordinary_one_has_effect_with_the_second_operator(stage: Stage, app: Json) -> None:
    down = (await propose(stage, app)).json()
    assert (down["status"], await is_shown(stage, app), await is_suspended(stage, app)) == ("proposed", True, False)
    assert outcome(await act(stage, down, "confirm", stage.operator)) == (403, "second_person_needed")
    assert (await act(stage, down, "confirm", stage.second_operator)).json()["status"] == "in_force"
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (False, True)


async def test_an_emergency_has_effect_at_once_and_stays_when_confirmed(stage: Stage, app: Json) -> None:
    down = (await propose(stage, app, emergency=True)).json()
    assert (down["status"], await is_shown(stage, app), await is_suspended(stage, app)) == ("emergency", False, True)
    assert outcome(await act(stage, down, "confirm", stage.operator)) == (403, "second_person_needed")
    assert (await act(stage, down, "confirm", stage.second_operator)).json()["status"] == "in_force"
    assert not await is_shown(stage, app)


async def test_an_emergency_lapses_after_a_day_and_cannot_be_renewed_by_one(
    stage: Stage, app: Json, database: Database
) -> None:
    down = (await propose(stage, app, emergency=True)).json()
    assert await lapse_unconfirmed(database) == 0
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE take_downs SET confirm_by = now() - interval '1 second'"))
    assert outcome(await act(stage, down, "confirm", stage.second_operator)) == (409, "take_down_lapsed")
    assert await lapse_unconfirmed(database) == 1
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (True, False)
    assert outcome(await propose(stage, app, emergency=True)) == (409, "emergency_lapsed_before")
    assert (await propose(stage, app)).status_code == 201


async def test_a_proposal_keeps_nobody_from_an_emergency(stage: Stage, app: Json) -> None:
    await propose(stage, app)
    assert outcome(await propose(stage, app)) == (409, "take_down_open")
    assert (await propose(stage, app, emergency=True, caller=stage.second_operator)).status_code == 201


async def test_a_rejected_one_gives_the_app_back(stage: Stage, app: Json) -> None:
    down = (await propose(stage, app, emergency=True)).json()
    assert (await act(stage, down, "reject", stage.second_operator)).json()["status"] == "rejected"
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (True, False)


async def test_an_app_is_restored_by_two(stage: Stage, app: Json) -> None:
    down = await taken_down(stage, app)
    assert outcome(await act(stage, down, "restore", stage.operator)) == (409, "restore_not_proposed")
    assert (await act(stage, down, "propose-restore", stage.operator)).status_code == 200
    assert outcome(await act(stage, down, "restore", stage.operator)) == (403, "second_person_needed")
    assert not await is_shown(stage, app)
    assert (await act(stage, down, "restore", stage.second_operator)).json()["status"] == "restored"
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (True, False)


async def test_its_team_appeals_once(stage: Stage, app: Json) -> None:
    down, words = await taken_down(stage, app), {"reason": "内容已更正"}
    assert outcome(await act(stage, down, "appeal", stage.team_of(YINING), words)) == (404, "not_found")
    assert (await act(stage, down, "appeal", stage.team, words)).json()["appeal"] == "内容已更正"
    assert outcome(await act(stage, down, "appeal", stage.team, words)) == (409, "already_appealed")
    path = "/miniapps/v1/take-downs?status=in_force"
    (item,) = (await stage.api.get(path, headers=stage.operator)).json()["items"]
    assert item["appeal"] == "内容已更正"


async def test_its_team_withdraws_it_at_once_and_lists_it_again(stage: Stage, app: Json) -> None:
    path = f"apps/{app['app_id']}"
    assert (await stage.post(f"{path}/withdraw", stage.team, REASON)).status_code == 200
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (False, True)
    assert outcome(await stage.post(f"{path}/withdraw", stage.team, REASON)) == (409, "take_down_open")
    assert (await stage.post(f"{path}/relist", stage.team)).json()["status"] == "restored"
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (True, False)


async def test_its_team_lifts_nothing_that_operators_took_down(stage: Stage, app: Json) -> None:
    path = f"apps/{app['app_id']}"
    await stage.post(f"{path}/withdraw", stage.team, REASON)
    down = await taken_down(stage, app)
    assert (await stage.post(f"{path}/relist", stage.team)).status_code == 200
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (False, True)
    await act(stage, down, "propose-restore", stage.operator)
    await act(stage, down, "restore", stage.second_operator)
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (True, False)


async def test_nothing_brings_it_back_meanwhile(stage: Stage, app: Json, database: Database) -> None:
    first = (await stage.catalogue())[0]["release_id"]
    tester = new_id()
    await stage.api.put(f"/miniapps/v1/apps/{app['app_id']}/testers/{tester}", headers=stage.team)
    await stage.published(app, 2)
    gray = await stage.gray(app, 3)
    await taken_down(stage, app)
    async with database.read() as tx:
        assert await gray_for(tx, tester, YINING, [UUID(app["app_id"])]) == {}
    for release_id, step, body in (
        (gray, "publish", None),
        (gray, "gray/widen", {"stage": "percentage", "percent": 5}),
    ):
        assert outcome(await stage.step(release_id, step, body=body)) == (409, "app_taken_down")
    assert (await stage.step(gray, "gray/withdraw")).status_code == 200
    assert outcome(await stage.step(first, "roll-back")) == (409, "app_taken_down")
    request = (await ask(stage, app)).json()
    answer = await stage.post(f"client-requests/{request['client_request_id']}/approve", stage.reviewer)
    assert outcome(answer) == (409, "app_taken_down")
    # A review goes on, and what it approves waits.
    release_id = await stage.draft(app, 4)
    await stage.step(release_id, "submit")
    assert (await stage.step(release_id, "approve")).json()["status"] == "approved"
    assert not await is_shown(stage, app)


async def test_of_a_publication_and_a_take_down_at_once_the_take_down_stays(stage: Stage, app: Json) -> None:
    kept_back = await stage.kept_back(app, 2)
    publication, down = await asyncio.gather(stage.step(kept_back, "publish"), propose(stage, app, emergency=True))
    assert publication.status_code == 200 or outcome(publication) == (409, "app_taken_down")
    assert down.status_code == 201
    assert not await is_shown(stage, app)


async def test_two_second_operators_at_once_confirm_once(stage: Stage, app: Json, database: Database) -> None:
    down = (await propose(stage, app)).json()
    third = stage.tokens.staff("operator", division_code="654000")
    answers = await asyncio.gather(*(act(stage, down, "confirm", each) for each in (stage.second_operator, third)))
    assert sorted(each.status_code for each in answers) == [200, 409]
    async with database.read() as tx:
        assert sum(event.type == "cn.ili.miniapps.app.taken_down.v1" for event in await emitted(tx)) == 1


async def test_an_operator_of_another_county_cannot(stage: Stage, app: Json) -> None:
    elsewhere = stage.tokens.staff("operator", division_code="654003")
    assert outcome(await propose(stage, app, caller=elsewhere)) == (403, "not_your_division")
    down = (await propose(stage, app)).json()
    assert outcome(await act(stage, down, "confirm", elsewhere)) == (403, "not_your_division")
    assert (await stage.api.get("/miniapps/v1/take-downs", headers=elsewhere)).json()["items"] == []


async def test_a_client_that_was_suspended_before_stays_suspended(stage: Stage, app: Json) -> None:
    await stage.post(f"apps/{app['app_id']}/client/suspend", stage.team, {"reason": "密钥泄露"})
    down = (await propose(stage, app, emergency=True)).json()
    await act(stage, down, "reject", stage.second_operator)
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (True, True)
