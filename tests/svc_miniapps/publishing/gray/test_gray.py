"""Who gets a gray release, how it widens, and how it ends."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import emitted
from svc_miniapps.publishing.gray.audience import BUCKETS, bucket_of, gets
from svc_miniapps.publishing.gray.service import gray_for
from svc_miniapps.publishing.gray.steps import withdraw_overdue
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Json, Stage, outcome

PERSONS = 100_000


async def has_gray(database: Database, app: Json, person_id: UUID, division_code: str = YINING) -> bool:
    async with database.read() as tx:
        return UUID(app["app_id"]) in await gray_for(tx, person_id, division_code)


def percentage(percent: int) -> Json:
    return {"stage": "percentage", "percent": percent}


async def prefecture_app(stage: Stage) -> Json:
    stage.team = stage.team_of(PREFECTURE, stage.team_organisation)
    return await stage.registered(division_code=PREFECTURE)


def test_the_share_is_right_within_a_percent_sticky_and_only_grows() -> None:
    app_id, persons = new_id(), [new_id() for _ in range(PERSONS)]

    def reached(percent: int) -> set[UUID]:
        about = {"app_id": app_id, "division_code": YINING, "is_tester": False, "first_division_code": None}
        return {each for each in persons if gets(person_id=each, percent=percent, **about)}  # type: ignore[arg-type]

    before: set[UUID] = set()
    for percent in (1, 5, 10, 25, 50, 75, 99, 100):
        now = reached(percent)
        assert now == reached(percent)
        assert before <= now
        assert abs(len(now) / PERSONS - percent / 100) < 0.01
        before = now
    assert before == set(persons)


def test_the_first_persons_of_one_app_are_not_those_of_another() -> None:
    persons = [new_id() for _ in range(PERSONS // 10)]
    one, other = new_id(), new_id()
    first_of = [{each for each in persons if bucket_of(app, each) < BUCKETS // 10} for app in (one, other)]
    assert len(first_of[0] & first_of[1]) / len(persons) < 0.02


async def test_testers_have_it_first_and_everybody_else_the_published_one(stage: Stage, database: Database) -> None:
    app, tester = await stage.registered(), new_id()
    await stage.published(app)
    named = await stage.api.put(f"/miniapps/v1/apps/{app['app_id']}/testers/{tester}", headers=stage.team)
    assert named.status_code == 200
    release_id = await stage.gray(app)
    assert await has_gray(database, app, tester)
    assert not await has_gray(database, app, new_id())
    async with database.read() as tx:
        gray = (await gray_for(tx, tester, YINING, [UUID(app["app_id"])]))[UUID(app["app_id"])]
    assert str(gray.release_id) == release_id
    (listing,) = await stage.catalogue()
    assert listing["version"]["code"] == 1


async def test_a_division_has_it_as_a_whole_and_keeps_it(stage: Stage, database: Database) -> None:
    app = await prefecture_app(stage)
    await stage.published(app)
    release_id, person = await stage.gray(app), new_id()
    widened = await stage.step(release_id, "gray/widen", body={"stage": "division", "division_code": KUYTUN})
    assert widened.status_code == 200, widened.text
    assert await has_gray(database, app, person, KUYTUN)
    assert not await has_gray(database, app, person, YINING)
    assert (await stage.step(release_id, "gray/widen", body=percentage(1))).json()["percent"] == 1
    assert await has_gray(database, app, person, KUYTUN)


async def test_the_percentage_only_rises(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    release_id = await stage.gray(app)
    assert (await stage.step(release_id, "gray/widen", body=percentage(20))).status_code == 200
    for lower in (19, 20):
        answer = await stage.step(release_id, "gray/widen", body=percentage(lower))
        assert outcome(answer) == (409, "percentage_only_rises")
    back = await stage.step(release_id, "gray/widen", body={"stage": "division", "division_code": YINING})
    assert outcome(back) == (409, "illegal_move")
    shown = (await stage.api.get(f"/miniapps/v1/releases/{release_id}/gray", headers=stage.team)).json()
    assert (shown["stage"], shown["percent"]) == ("percentage", 20)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"stage": "division"}, "stage_incomplete"),
        ({"stage": "percentage"}, "stage_incomplete"),
        ({"stage": "percentage", "percent": 5, "division_code": KUYTUN}, "stage_incomplete"),
        ({"stage": "division", "division_code": "999999"}, "unknown_division"),
        ({"stage": "testers"}, "invalid_request"),
        ({"stage": "percentage", "percent": 101}, "invalid_request"),
    ],
)
async def test_an_incomplete_stage_is_refused(stage: Stage, body: Json, code: str) -> None:
    app = await prefecture_app(stage)
    await stage.published(app)
    answer = await stage.step(await stage.gray(app), "gray/widen", body=body)
    assert outcome(answer) == (422, code)


async def test_a_county_is_no_narrower_than_its_own_app(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    body = {"stage": "division", "division_code": YINING}
    assert outcome(await stage.step(await stage.gray(app), "gray/widen", body=body)) == (409, "no_narrower_division")


async def test_nothing_else_is_released_during_gray(stage: Stage) -> None:
    app = await stage.registered()
    first = await stage.published(app)
    await stage.published(app, 2)
    gray, draft = await stage.gray(app, 3), await stage.draft(app, 4)
    assert outcome(await stage.step(draft, "submit")) == (409, "another_release_open")
    assert outcome(await stage.step(first, "roll-back")) == (409, "gray_release_running")
    assert (await stage.step(gray, "publish")).status_code == 200
    assert (await stage.step(draft, "submit")).status_code == 200


async def test_a_gray_release_that_is_published_reaches_everybody_as_published(
    stage: Stage, database: Database
) -> None:
    app = await stage.registered()
    await stage.published(app)
    gray = await stage.gray(app)
    assert (await stage.step(gray, "gray/widen", body=percentage(100))).status_code == 200
    assert await has_gray(database, app, new_id())
    assert (await stage.step(gray, "publish")).json()["status"] == "published"
    assert not await has_gray(database, app, new_id())
    (listing,) = await stage.catalogue()
    assert listing["release_id"] == gray


async def test_the_worker_withdraws_what_its_team_has_not_ended(stage: Stage, database: Database) -> None:
    app, tester = await stage.registered(), new_id()
    await stage.published(app)
    await stage.api.put(f"/miniapps/v1/apps/{app['app_id']}/testers/{tester}", headers=stage.team)
    gray = await stage.gray(app)
    assert await withdraw_overdue(database) == 0
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE gray_listings SET ends_at = now() - interval '1 second'"))
    assert await withdraw_overdue(database) == 1
    assert await withdraw_overdue(database) == 0
    assert await stage.status(gray) == "withdrawn"
    assert not await has_gray(database, app, tester)
    async with database.read() as tx:
        event = (await emitted(tx))[-1]
    assert (event.type, event.data["cause"]) == ("cn.ili.miniapps.release.gray_withdrawn.v1", "time")


async def test_it_lasts_fifteen_days(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    await stage.gray(app)
    async with database.read() as tx:
        lasts = await tx.scalar(text("SELECT ends_at - started_at = interval '15 days' FROM gray_listings"))
    assert lasts is True


async def test_a_second_gray_release_begins_anew(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    first = await stage.gray(app)
    await stage.step(first, "gray/widen", body=percentage(100))
    assert (await stage.step(first, "gray/withdraw")).json()["status"] == "withdrawn"
    await stage.gray(app, 3)
    assert not await has_gray(database, app, new_id())
    assert outcome(await stage.step(first, "gray/widen", body=percentage(100))) == (404, "not_found")


async def test_of_a_rollback_and_a_gray_release_at_once_one_wins(stage: Stage) -> None:
    app = await stage.registered()
    first = await stage.published(app)
    await stage.published(app, 2)
    kept_back = await stage.kept_back(app, 3)
    gray, back = await asyncio.gather(stage.step(kept_back, "gray"), stage.step(first, "roll-back"))
    assert gray.status_code == 200
    # Before it, the gray release stands beside the version that was rolled back to.
    assert back.status_code == 200 or outcome(back) == (409, "gray_release_running")


async def test_two_widenings_at_once_never_lower_the_percentage(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    gray = await stage.gray(app)
    await asyncio.gather(*(stage.step(gray, "gray/widen", body=percentage(each)) for each in (30, 10, 50, 20)))
    async with database.read() as tx:
        assert await tx.scalar(text("SELECT percent FROM gray_listings")) == 50


async def test_another_team_does_not_know_it(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    gray = await stage.gray(app)
    stranger = stage.team_of(YINING)
    for step, body in (("gray/widen", percentage(5)), ("gray/withdraw", None), ("publish", None)):
        assert outcome(await stage.step(gray, step, stranger, body)) == (404, "not_found")
