"""Registration and changes of an app."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from chassis.db import Database, new_id
from chassis.testing import emitted, once
from svc_miniapps.apps.models import App
from svc_miniapps.apps.names.models import AppName
from svc_miniapps.starter import load_starter_data
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Stage, outcome


async def count(database: Database) -> int:
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(App)) or 0


async def test_a_registered_app_belongs_to_the_callers_organisation(stage: Stage) -> None:
    app = await stage.registered()
    assert app["organisation_id"] == str(stage.team_organisation)
    assert app["division_code"] == YINING
    assert (app["name"], app["category"], app["languages"]) == ("停车泊位", "transport", ["zh-Hans", "kk-Arab"])


async def test_a_registration_is_published_without_a_name(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    async with database.read() as tx:
        (event,) = await emitted(tx)
    assert (event.type, event.key) == ("cn.ili.miniapps.app.registered.v1", app["app_id"])
    assert event.data.keys() == {"app_id", "organisation_id", "division_code", "category", "registered_by"}


@pytest.mark.parametrize(
    "category",
    ["government", "transport", "daily_life", "health", "culture_tourism", "finance", "county_showcase"],
)
async def test_each_of_the_seven_categories_can_be_chosen(stage: Stage, category: str) -> None:
    assert (await stage.registered(category=category))["category"] == category


@pytest.mark.parametrize(
    "same",
    [
        "停车泊位",
        "  停车泊位 ",
        "Parking 停车",
        "ＰＡＲＫＩＮＧ 停车",
        "parking  停车",
        "straße",
        "STRASSE",
        "ﬁt",
        "FIT",
        "é",
        "e\u0301",
    ],
)
async def test_a_name_that_reads_the_same_is_taken(stage: Stage, same: str) -> None:
    for name in ("停车泊位", "parking 停车", "strasse", "fit", "É"):
        await stage.registered(name=name)
    assert outcome(await stage.register(name=same)) == (409, "name_taken")


async def test_the_starter_reserves_names_anew(stage: Stage, database: Database) -> None:
    """Names of before are compared by the keys of today."""
    app = await stage.registered(name="停车·泊位")
    async with database.transaction() as tx:
        await tx.execute(update(AppName).values(key="停车·泊位"))
    await load_starter_data(database)
    await load_starter_data(database)
    assert outcome(await stage.register(stage.team_of(YINING), name="停车泊位")) == (409, "name_taken")
    async with database.transaction() as tx:
        assert set(await tx.scalars(select(AppName.app_id))) == {UUID(app["app_id"])}


async def test_a_name_is_taken_for_all_teams_of_the_division(stage: Stage) -> None:
    await stage.registered()
    assert outcome(await stage.register(stage.team_of(YINING))) == (409, "name_taken")


async def test_another_division_may_use_the_name(stage: Stage) -> None:
    await stage.registered()
    await stage.registered(stage.team_of(KUYTUN), division_code=KUYTUN)


async def test_no_catalogue_shows_a_name_twice(stage: Stage) -> None:
    """Every catalogue shows the prefecture's apps beside those of its division."""
    prefecture = stage.team_of(PREFECTURE)
    await stage.registered()
    assert outcome(await stage.register(prefecture, division_code=PREFECTURE)) == (409, "name_taken")
    await stage.registered(prefecture, division_code=PREFECTURE, name="挂号")
    other = await stage.register(stage.team_of(KUYTUN), division_code=KUYTUN, name="掛號")
    assert outcome(other) == (409, "name_taken")
    await stage.registered(stage.team_of(KUYTUN), division_code=KUYTUN)


async def test_the_prefecture_and_its_counties_want_one_name_at_once(stage: Stage, database: Database) -> None:
    """Either the prefecture has it alone, or counties do."""
    codes = [PREFECTURE, YINING, PREFECTURE, KUYTUN, PREFECTURE]
    answers = await asyncio.gather(*(stage.register(stage.team_of(code), division_code=code) for code in codes))
    assert {answer.status_code for answer in answers} == {201, 409}
    async with database.read() as tx:
        divisions = sorted(await tx.scalars(select(App.division_code)))
    assert divisions == [PREFECTURE] or set(divisions) <= {YINING, KUYTUN}
    assert len(divisions) == len(set(divisions))


async def test_one_of_ten_concurrent_registrations_gets_the_name(stage: Stage, database: Database) -> None:
    teams = [stage.team_of(YINING) for _ in range(10)]
    answers = await asyncio.gather(*(stage.register(team) for team in teams))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert await count(database) == 1


async def test_a_refused_name_frees_its_key(stage: Stage) -> None:
    await stage.registered()
    headers = stage.team | once()
    app = {"short_description": "x", "category": "health", "division_code": YINING, "languages": ["zh"]}
    taken = await stage.api.post("/miniapps/v1/apps", json={**app, "name": "停车泊位"}, headers=headers)
    free = await stage.api.post("/miniapps/v1/apps", json={**app, "name": "挂号"}, headers=headers)
    assert (taken.status_code, free.status_code) == (409, 201)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"division_code": "654099"}, "unknown_division"),
        ({"division_code": "110000"}, "unknown_division"),
        ({"division_code": "65400"}, "invalid_request"),
        ({"division_code": "６５４００２"}, "invalid_request"),
        ({"category": "games"}, "unknown_category"),
        ({"category": "Transport"}, "invalid_request"),
        ({"name": ""}, "invalid_request"),
        ({"name": "   "}, "invalid_request"),
        ({"name": "字" * 41}, "invalid_request"),
        ({"name": "停\u0000车"}, "invalid_request"),
        ({"name": "停\u200b车"}, "invalid_request"),
        ({"name": "停\u202e车"}, "invalid_request"),
        ({"name": "停\n车"}, "invalid_request"),
        ({"name": "\u3164"}, "invalid_request"),
        ({"name": "\ufe0f\u2800"}, "invalid_request"),
        ({"name": 7}, "invalid_request"),
        ({"short_description": "字" * 301}, "invalid_request"),
        ({"languages": []}, "invalid_request"),
        ({"languages": ["zh", "ZH"]}, "invalid_request"),
        ({"languages": ["chinese language"]}, "invalid_request"),
        ({"languages": ["zh"] * 11}, "invalid_request"),
        ({"icon": "a member nobody knows"}, "invalid_request"),
    ],
)
async def test_invalid_registrations_are_refused(
    stage: Stage, database: Database, changes: dict[str, Any], code: str
) -> None:
    assert outcome(await stage.register(**changes)) == (422, code)
    assert await count(database) == 0


async def test_a_lone_surrogate_is_refused(stage: Stage) -> None:
    app = {"name": "x", "short_description": "y", "category": "health", "division_code": YINING, "languages": ["zh"]}
    content = json.dumps(app).replace('"x"', r'"\ud800"')
    headers = stage.team | once() | {"Content-Type": "application/json"}
    answer = await stage.api.post("/miniapps/v1/apps", content=content, headers=headers)
    assert answer.status_code in {400, 422}


async def test_only_the_divisions_own_team_may_register(stage: Stage) -> None:
    other = await stage.register(stage.team_of(KUYTUN))
    assert outcome(other) == (403, "not_your_division")
    # The prefecture's team has apps of its own and no say in a county's.
    assert outcome(await stage.register(stage.team_of(PREFECTURE))) == (403, "not_your_division")
    for caller in (
        stage.reviewer,
        stage.tokens.staff("operator"),
        stage.tokens.resident(),
        stage.tokens.client(new_id(), "tariffs:write", "bills:write"),
    ):
        assert outcome(await stage.register(caller)) == (403, "not_allowed")


async def test_a_person_of_two_teams_registers_for_each(stage: Stage) -> None:
    first, second = new_id(), new_id()
    person = stage.person(("county_team", first, YINING), ("county_team", second, KUYTUN))
    assert (await stage.registered(person))["organisation_id"] == str(first)
    assert (await stage.registered(person, division_code=KUYTUN))["organisation_id"] == str(second)


async def test_a_retried_registration_gets_the_first_answer(stage: Stage, database: Database) -> None:
    headers = stage.team | once()
    app = {"name": "挂号", "short_description": "预约挂号", "category": "health"}
    body = {**app, "division_code": YINING, "languages": ["zh"]}
    first = await stage.api.post("/miniapps/v1/apps", json=body, headers=headers)
    again = await stage.api.post("/miniapps/v1/apps", json=body, headers=headers)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await stage.api.post("/miniapps/v1/apps", json={**body, "name": "问诊"}, headers=headers)
    assert outcome(other) == (422, "idempotency_key_reused")
    assert await count(database) == 1


async def test_a_team_sees_its_own_apps_and_no_others(stage: Stage) -> None:
    app = await stage.registered()
    await stage.registered(stage.team_of(YINING), name="别家的应用")
    listed = await stage.api.get("/miniapps/v1/apps", headers=stage.team)
    assert [item["app_id"] for item in listed.json()["items"]] == [app["app_id"]]
    path = f"/miniapps/v1/apps/{app['app_id']}"
    assert (await stage.api.get(path, headers=stage.team)).json() == app
    assert outcome(await stage.api.get(path, headers=stage.team_of(YINING))) == (404, "not_found")
    assert outcome(await stage.api.get(path, headers=stage.reviewer)) == (403, "not_allowed")


async def test_apps_are_paged(stage: Stage) -> None:
    registered = [(await stage.registered(name=f"应用 {place}"))["app_id"] for place in range(5)]
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = (await stage.api.get("/miniapps/v1/apps", params=query, headers=stage.team)).json()
        seen += [item["app_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == registered


async def test_a_change_needs_the_current_etag(stage: Stage) -> None:
    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}"
    change = {"short_description": "新的说明"}
    assert outcome(await stage.api.patch(path, json=change, headers=stage.team)) == (428, "if_match_missing")
    etag = (await stage.api.get(path, headers=stage.team)).headers["etag"]
    changed = await stage.api.patch(path, json=change, headers=stage.team | {"If-Match": etag})
    assert changed.json() == {**app, **change}
    assert changed.headers["etag"] != etag
    late = await stage.api.patch(path, json={"category": "health"}, headers=stage.team | {"If-Match": etag})
    assert outcome(late) == (412, "edited_meanwhile")
    weak = f"W/{changed.headers['etag']}"
    assert (await stage.api.patch(path, json=change, headers=stage.team | {"If-Match": weak})).status_code == 412
    assert (await stage.api.get(path, headers=stage.team)).json()["category"] == "transport"


async def test_one_of_two_concurrent_changes_is_refused(stage: Stage) -> None:
    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}"
    etag = (await stage.api.get(path, headers=stage.team)).headers["etag"]
    headers = stage.team | {"If-Match": etag}
    answers = await asyncio.gather(
        stage.api.patch(path, json={"short_description": "甲"}, headers=headers),
        stage.api.patch(path, json={"short_description": "乙"}, headers=headers),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_change_is_validated_like_a_registration(stage: Stage) -> None:
    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}"
    headers = stage.team | {"If-Match": "*"}
    assert outcome(await stage.api.patch(path, json={"category": "games"}, headers=headers)) == (
        422,
        "unknown_category",
    )
    assert outcome(await stage.api.patch(path, json={"name": "新名"}, headers=headers)) == (422, "invalid_request")
    stranger = stage.team_of(YINING) | {"If-Match": "*"}
    assert outcome(await stage.api.patch(path, json={"category": "health"}, headers=stranger)) == (404, "not_found")
