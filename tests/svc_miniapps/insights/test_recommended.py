"""Recommended apps are chosen by two operators of a division, in their order, and never counted."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from kit.calendar import today
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Headers, Json, Stage, outcome


async def proposed(stage: Stage, *apps: Json, caller: Headers | None = None, **changes: Any) -> httpx.Response:  # noqa: ANN401 - fields
    day = today()
    body = {
        "division_code": YINING,
        "app_ids": [app["app_id"] for app in apps],
        "valid_from": str(day),
        "valid_until": str(day + timedelta(days=30)),
        "reason": "便民",
        **changes,
    }
    return await stage.post("recommended-lists", caller or stage.operator, body)


async def in_force(stage: Stage, *apps: Json, **changes: Any) -> str:  # noqa: ANN401 - fields
    answer = await proposed(stage, *apps, **changes)
    assert answer.status_code == 201, answer.text
    list_id: str = answer.json()["list_id"]
    approved = await stage.post(f"recommended-lists/{list_id}/approve", stage.second_operator)
    assert approved.status_code == 200, approved.text
    return list_id


async def recommended(stage: Stage, division_code: str = YINING) -> list[str]:
    answer = await stage.api.get("/miniapps/v1/recommended", params={"division_code": division_code})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"].startswith("public")
    return [each["name"] for each in answer.json()["items"]]


async def test_a_list_is_shown_in_its_order_once_a_second_operator_approves(stage: Stage) -> None:
    parking, buses = await stage.registered(), await stage.registered(name="公交到站")
    for app in (parking, buses):
        await stage.published(app)
    answer = await proposed(stage, buses, parking)
    approve = f"recommended-lists/{answer.json()['list_id']}/approve"
    assert await recommended(stage) == []
    assert outcome(await stage.post(approve, stage.operator)) == (403, "second_person_needed")
    assert (await stage.post(approve, stage.second_operator)).status_code == 200
    assert await recommended(stage) == ["公交到站", "停车泊位"]
    assert await recommended(stage, KUYTUN) == []
    await in_force(stage, parking)
    assert await recommended(stage) == ["停车泊位"]


async def test_a_list_outside_its_days_is_not_shown_and_a_division_without_one_has_the_prefectures(
    stage: Stage,
) -> None:
    team = stage.team_of(PREFECTURE)
    library = await stage.registered(team, name="图书馆", division_code=PREFECTURE)
    await stage.published(library, caller=team)
    tomorrow = str(today() + timedelta(days=1))
    await in_force(stage, library, division_code=PREFECTURE)
    assert await recommended(stage) == ["图书馆"]
    await in_force(stage, valid_from=str(today()), valid_until=str(today()))
    assert await recommended(stage) == []
    await in_force(stage, valid_from=tomorrow)
    assert await recommended(stage) == ["图书馆"]


async def test_what_is_taken_down_is_not_recommended(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    await in_force(stage, app)
    assert (await stage.post(f"apps/{app['app_id']}/withdraw", stage.team, {"reason": "维护"})).status_code == 200
    assert await recommended(stage) == []
    assert outcome(await proposed(stage, app)) == (422, "app_not_in_catalogue")


async def test_one_list_waits_in_a_division_and_is_of_its_operators(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    kuytun = stage.tokens.staff("operator", division_code=KUYTUN)
    assert outcome(await proposed(stage, app, caller=kuytun)) == (403, "not_your_division")
    answers = await asyncio.gather(*(proposed(stage, app) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    (list_id,) = [answer.json()["list_id"] for answer in answers if answer.status_code == 201]
    assert (await stage.post(f"recommended-lists/{list_id}/withdraw", stage.operator)).status_code == 200
    assert outcome(await stage.post(f"recommended-lists/{list_id}/approve", stage.second_operator)) == (
        409,
        "illegal_move",
    )
    assert (await stage.api.get("/miniapps/v1/recommended-lists", headers=kuytun)).json()["items"] == []


async def test_a_list_names_apps_once_and_ends_after_it_begins(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    assert (await proposed(stage, app, app)).status_code == 422
    assert (await proposed(stage, app, valid_until="2026-01-01")).status_code == 422
