"""Recently used apps are the person's own: readable, deletable and switched off by them alone."""

import asyncio

import pytest
from sqlalchemy import func, select, update

from chassis.db import Database, new_id
from kit.evidence.retention import carry_out
from svc_miniapps.insights.recent import service
from svc_miniapps.insights.recent.models import RecentApp
from svc_miniapps.insights.recent.service import MOST
from svc_miniapps.retention import RETENTION
from tests.svc_miniapps.insights.phones import ME, opened, recent
from tests.svc_miniapps.stage import Stage, outcome


async def test_the_app_opened_last_comes_first_and_others_see_none_of_it(stage: Stage) -> None:
    parking, buses = await stage.registered(), await stage.registered(name="公交到站")
    for app in (parking, buses):
        await stage.published(app)
    person = stage.person()
    for app in (parking, buses, parking):
        assert (await opened(stage, person, app)).status_code == 204
    found = await recent(stage, person)
    assert [(each["name"], each["available"]) for each in found["items"]] == [("停车泊位", True), ("公交到站", True)]
    assert await recent(stage, stage.person()) == {"enabled": True, "items": []}


async def test_one_app_or_the_whole_list_is_deleted(stage: Stage) -> None:
    parking, buses = await stage.registered(), await stage.registered(name="公交到站")
    person = stage.person()
    for app in (parking, buses):
        await stage.published(app)
        await opened(stage, person, app)
    one = await stage.api.delete(f"{ME}/recent-apps/{parking['app_id']}", headers=person)
    assert one.status_code == 204
    assert [each["app_id"] for each in (await recent(stage, person))["items"]] == [buses["app_id"]]
    for _ in range(2):
        assert (await stage.api.delete(f"{ME}/recent-apps", headers=person)).status_code == 204
    assert (await recent(stage, person))["items"] == []


async def test_switched_off_nothing_is_kept(stage: Stage, database: Database) -> None:
    app, person = await stage.registered(), stage.person()
    await stage.published(app)
    await opened(stage, person, app)
    for enabled in (False, False):
        answer = await stage.api.put(f"{ME}/recent-apps", json={"enabled": enabled}, headers=person)
        assert answer.json() == {"enabled": False, "items": []}
    assert (await opened(stage, person, app)).status_code == 204
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(RecentApp)) == 0
    await stage.api.put(f"{ME}/recent-apps", json={"enabled": True}, headers=person)
    await opened(stage, person, app)
    assert len((await recent(stage, person))["items"]) == 1


async def test_the_list_is_bounded_also_for_two_phones_at_once(
    stage: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST", 2)
    apps = [await stage.registered(name=name) for name in ("停车泊位", "公交到站", "图书馆", "挂号")]
    person = new_id()
    for app in apps:
        await stage.published(app)
    await asyncio.gather(*(opened(stage, stage.person(person_id=person), app) for app in apps))
    assert len((await recent(stage, stage.person(person_id=person)))["items"]) == 2
    assert MOST == 30


async def test_an_app_or_a_version_that_residents_do_not_have_is_not_found(stage: Stage) -> None:
    app = await stage.registered()
    person = stage.person()
    assert outcome(await opened(stage, person, app)) == (404, "not_found")
    await stage.published(app)
    await stage.draft(app, 2)
    assert outcome(await opened(stage, person, app, 2)) == (404, "not_found")
    assert outcome(await opened(stage, person, app, division_code="650100")) == (422, "unknown_division")
    assert (await stage.post(f"apps/{app['app_id']}/withdraw", stage.team, {"reason": "维护"})).status_code == 200
    assert outcome(await opened(stage, person, app)) == (404, "not_found")


async def test_what_is_old_goes(stage: Stage, database: Database) -> None:
    app, person = await stage.registered(), stage.person()
    await stage.published(app)
    await opened(stage, person, app)
    await carry_out(database, RETENTION)
    assert len((await recent(stage, person))["items"]) == 1
    async with database.transaction() as tx:
        await tx.execute(update(RecentApp).values(opened_at=func.now() - func.make_interval(0, 0, 0, 181)))
    await carry_out(database, RETENTION)
    assert (await recent(stage, person))["items"] == []
