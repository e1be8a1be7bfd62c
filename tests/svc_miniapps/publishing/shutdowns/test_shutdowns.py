"""The orderly end of an app: announced by two persons, read by residents, and gone after its last day."""

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database
from chassis.testing import emitted
from kit.calendar import is_working_day, today
from svc_miniapps.publishing.shutdowns.service import end_due
from tests.svc_miniapps.publishing.clients.test_clients import approved, ask, decide
from tests.svc_miniapps.publishing.take_downs.test_take_downs import act, is_shown, is_suspended, propose
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Headers, Json, Stage, outcome
from tests.svc_miniapps.team_servers import proven, shown

TEXTS = [
    {"language": "zh-Hans", "text": "系统合并，个人数据将删除"},
    {"language": "kk-Arab", "text": "دەرەكتەر وشىرىلەدى"},
]


def working_day(days: int) -> date:
    """The first working day so many days ahead."""
    return next(day for day in (today() + timedelta(days=days + more) for more in range(30)) if is_working_day(day))


async def end(stage: Stage, app: Json, caller: Headers | None = None, **changes: object) -> httpx.Response:
    body = {"last_day": working_day(40).isoformat(), "texts": TEXTS, **changes}
    return await stage.post(f"apps/{app['app_id']}/shutdowns", caller or stage.team, body)


async def step(stage: Stage, shutdown: Json, name: str, caller: Headers) -> httpx.Response:
    return await stage.post(f"shutdowns/{shutdown['shutdown_id']}/{name}", caller)


async def announced(stage: Stage, app: Json, **changes: object) -> Json:
    proposed = await end(stage, app, None, **changes)
    assert proposed.status_code == 201, proposed.text
    answer = await step(stage, proposed.json(), "confirm", stage.reviewer)
    assert answer.status_code == 200, answer.text
    shutdown: Json = answer.json()
    return shutdown


async def pass_last_day(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE app_shutdowns SET last_day = current_date - 2"))


async def stale_copy(stage: Stage) -> None:
    """Have the process read its catalogue again, as it does after each change that it makes itself."""
    assert (await stage.register(name="临时")).status_code in {201, 409}


async def update_of(stage: Stage, app: Json, version_code: int = 1, **headers: str) -> Any:  # noqa: ANN401 - JSON
    installed = [{"app_id": app["app_id"], "version_code": version_code}]
    body = {"division_code": YINING, "platform_version": 1, "installed": installed}
    answer = await stage.api.post("/miniapps/v1/updates", json=body, headers=headers)
    items = answer.json()["items"]
    return {name: value for name, value in items[0].items() if value is not None} if items else None


@pytest.fixture
async def app(stage: Stage) -> Json:
    """A published app whose residents can sign in."""
    app = await stage.registered()
    await stage.published(app)
    await approved(stage, app)
    return app


async def test_two_persons_announce_it_and_residents_read_it_until_the_day(stage: Stage, app: Json) -> None:
    proposed = (await end(stage, app)).json()
    assert outcome(await step(stage, proposed, "confirm", stage.team)) == (403, "second_person_needed")
    assert (await stage.catalogue())[0]["shutdown"] is None
    assert await update_of(stage, app) is None
    confirmed = await step(stage, proposed, "confirm", await stage.colleague())
    assert confirmed.json()["status"] == "announced"
    last_day = proposed["last_day"]
    listed = (await stage.catalogue(language="kk-Arab"))[0]["shutdown"]
    assert listed == {"last_day": last_day, "text": TEXTS[1]["text"], "redirect_app_id": None}
    assert (await stage.catalogue())[0]["shutdown"]["text"] == TEXTS[0]["text"]
    for headers in [dict[str, str](), {"Accept-Language": "zh", "X-Other": "1", "Expect": ""}]:
        found = await update_of(stage, app, 1, **headers)
        assert (found["change"], found["last_day"]) == ("ending", last_day)
    await stage.published(app, 2)
    found = await update_of(stage, app)
    assert (found["change"], found["last_day"]) == ("updated", last_day)


async def test_after_the_last_day_it_is_gone_for_good(stage: Stage, app: Json, database: Database) -> None:
    other = await stage.registered(name="公交到站")
    await stage.published(other)
    shutdown = await announced(stage, app, redirect_app_id=other["app_id"])
    assert await end_due(database) == 0
    assert await is_shown(stage, app)
    await pass_last_day(database)
    assert outcome(await step(stage, shutdown, "withdraw", stage.team)) == (409, "illegal_move")
    assert sum(await asyncio.gather(*(end_due(database) for _ in range(3)))) == 1
    await stale_copy(stage)
    assert (await is_shown(stage, app), await is_suspended(stage, app)) == (False, True)
    found = await update_of(stage, app)
    assert (found["change"], found["redirect_app_id"]) == ("removed", other["app_id"])
    async with database.read() as tx:
        kinds = [each.data["kind"] for each in await emitted(tx) if each.type == "cn.ili.miniapps.app.taken_down.v1"]
    assert kinds == ["shutdown"]
    assert outcome(await stage.post(f"apps/{app['app_id']}/relist", stage.team)) == (404, "not_found")
    (down,) = (await stage.api.get("/miniapps/v1/take-downs", headers=stage.operator)).json()["items"]
    assert outcome(await act(stage, down, "propose-restore", stage.operator)) == (409, "illegal_move")
    assert outcome(await act(stage, down, "restore", stage.second_operator)) == (409, "illegal_move")
    assert outcome(await act(stage, down, "appeal", stage.team, {"reason": "继续使用"})) == (409, "illegal_move")
    assert outcome(await propose(stage, app, emergency=True)) == (409, "take_down_open")
    assert outcome(await stage.step(await stage.kept_back(app), "publish")) == (409, "app_taken_down")
    assert outcome(await decide(stage, (await ask(stage, app)).json(), "approve")) == (409, "app_taken_down")
    assert outcome(await stage.register(name="停车泊位")) == (409, "name_taken")
    assert outcome(await end(stage, app)) == (409, "shutdown_open")


async def test_an_ended_app_leaves_its_place_and_its_servers_to_others(
    stage: Stage, app: Json, database: Database
) -> None:
    domain = await proven(stage, database, app, "parking.localhost")
    await announced(stage, app)
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE teams SET app_quota = 1"))
    assert outcome(await stage.register(name="公交到站")) == (409, "app_quota_reached")
    await pass_last_day(database)
    await end_due(database)
    assert (await stage.register(name="公交到站")).status_code == 201
    assert (await shown(stage, domain))["failure"] == "app_ended"
    other = stage.team_of(YINING)
    await proven(stage, database, await stage.registered(other, name="图书馆"), "parking.localhost", other)


async def test_it_is_withdrawn_before_the_day_and_announced_anew(stage: Stage, app: Json, database: Database) -> None:
    shutdown = await announced(stage, app)
    assert outcome(await end(stage, app)) == (409, "shutdown_open")
    assert outcome(await step(stage, shutdown, "withdraw", stage.team_of(YINING))) == (404, "not_found")
    assert (await step(stage, shutdown, "withdraw", stage.team)).json()["status"] == "withdrawn"
    await pass_last_day(database)
    assert await end_due(database) == 0
    assert ((await stage.catalogue())[0]["shutdown"], await update_of(stage, app)) == (None, None)
    assert outcome(await step(stage, shutdown, "confirm", stage.reviewer)) == (409, "illegal_move")
    await announced(stage, app)


async def test_the_last_day_is_a_working_day_and_far_enough(stage: Stage, app: Json) -> None:
    sunday = next(day for day in (working_day(60 + more) for more in range(30)) if day.weekday() == 4) + timedelta(2)
    for day, reason in (
        (today() + timedelta(days=29), "too_soon"),
        (today() - timedelta(days=1), "too_soon"),
        (today() + timedelta(days=731), "too_late"),
        (sunday, "no_working_day"),
    ):
        answer = await end(stage, app, last_day=day.isoformat())
        assert (outcome(answer), answer.json()["reason"]) == ((422, "last_day_refused"), reason)
    answer = await end(stage, app, texts=TEXTS[:1])
    assert (outcome(answer), answer.json()["languages"]) == ((422, "shutdown_texts_missing"), "kk-Arab")


async def test_a_late_confirmation_does_not_shorten_the_notice(stage: Stage, app: Json, database: Database) -> None:
    proposed = (await end(stage, app)).json()
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE app_shutdowns SET last_day = current_date + 20"))
    assert outcome(await step(stage, proposed, "confirm", stage.reviewer)) == (422, "last_day_refused")


async def test_residents_are_sent_only_to_an_app_that_they_see(stage: Stage, app: Json, database: Database) -> None:
    elsewhere = await stage.registered(stage.team_of(KUYTUN), name="库屯停车", division_code=KUYTUN)
    hidden = await stage.registered(name="公交到站")
    for other in (app, hidden, elsewhere):
        assert outcome(await end(stage, app, redirect_app_id=other["app_id"])) == (422, "redirect_refused")
    whole = stage.team_of(PREFECTURE)
    above = await stage.registered(whole, name="全州停车", division_code=PREFECTURE)
    await stage.published(above, caller=whole)
    await announced(stage, app, redirect_app_id=above["app_id"])
    assert outcome(await end(stage, above, whole, redirect_app_id=app["app_id"])) == (422, "redirect_refused")
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE listings SET hidden_at = now() WHERE app_id = :app"), {"app": above["app_id"]})
    await stale_copy(stage)
    found = await stage.api.get(f"/miniapps/v1/catalogue/{app['app_id']}")
    assert found.json()["shutdown"]["redirect_app_id"] is None


async def test_only_the_team_and_its_reviewers_have_a_part_in_it(stage: Stage, app: Json) -> None:
    other = stage.team_of(YINING)
    assert outcome(await end(stage, app, other)) == (404, "not_found")
    proposed = (await end(stage, app)).json()
    path = f"/miniapps/v1/apps/{app['app_id']}/shutdowns"
    for caller, status in ((stage.team, 200), (stage.reviewer, 200), (other, 404)):
        assert (await stage.api.get(path, headers=caller)).status_code == status
    (waiting,) = (await stage.api.get("/miniapps/v1/shutdowns", headers=stage.reviewer)).json()["items"]
    assert waiting["shutdown_id"] == proposed["shutdown_id"]
    elsewhere = stage.tokens.staff("reviewer", division_code=KUYTUN)
    assert outcome(await step(stage, proposed, "confirm", elsewhere)) == (403, "not_your_division")
    assert outcome(await step(stage, proposed, "confirm", other)) == (403, "not_your_division")
