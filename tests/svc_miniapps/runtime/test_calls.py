"""The calls of an app's server in a day: limited, counted with what came of them, and no matter of other apps."""

import asyncio
from datetime import datetime
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import func, select, update

from chassis.db import CHINA, Database
from svc_miniapps.runtime.calls.models import AppCalls, Operation
from svc_miniapps.runtime.calls.service import take_call
from tests.svc_miniapps.runtime.scene import Resident, Runtime
from tests.svc_miniapps.stage import KUYTUN, YINING, Headers, Json, outcome


async def limit(runtime: Runtime, app: Json, number: int, caller: Headers | None = None) -> tuple[int, str]:
    path = f"/miniapps/v1/apps/{app['app_id']}/call-quotas/send_message"
    body = {"daily_limit": number, "reason": "试运行"}
    answer = await runtime.api.put(path, json=body, headers=caller or runtime.stage.operator)
    return answer.status_code, answer.json().get("code", "")


async def figures(runtime: Runtime, app: Json) -> list[Json]:
    answer = await runtime.api.get(f"/miniapps/v1/apps/{app['app_id']}/calls", headers=runtime.stage.team)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def test_parallel_calls_never_pass_the_limit_and_other_apps_go_on(runtime: Runtime) -> None:
    app, other, resident = await runtime.app(), await runtime.app("公交到站"), Resident()
    template, others = await runtime.template(app), await runtime.template(other)
    assert await limit(runtime, app, 3) == (200, "")
    await runtime.agreed(resident, other, others)
    openid = resident.openid(app)
    answers = await asyncio.gather(*(runtime.send(app, openid, template, f"m{number}") for number in range(8)))
    assert sorted(answer.status_code for answer in answers) == [409] * 3 + [429] * 5
    (over, *_) = [answer for answer in answers if answer.status_code == 429]
    told = over.json()
    assert (told["code"], told["operation"]) == ("call_quota_reached", "send_message")
    assert int(over.headers["retry-after"]) == told["wait"] > 0
    free_at = datetime.fromisoformat(told["free_at"]).astimezone(CHINA)
    assert (free_at.hour, free_at.minute, free_at.second) == (0, 0, 0)
    assert (await runtime.send(other, resident.openid(other), others)).status_code == 200
    (mine,) = await figures(runtime, app)
    assert {name: mine[name] for name in ("calls", "refused", "failed", "over_quota")} == {
        "calls": 3,
        "refused": 3,
        "failed": 0,
        "over_quota": 5,
    }
    (theirs,) = await figures(runtime, other)
    assert (theirs["calls"], theirs["refused"], theirs["over_quota"]) == (1, 0, 0)


async def test_every_outcome_counts_by_its_operation(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    openid = resident.openid(app)
    assert (await runtime.send(app, openid, template)).status_code == 200
    assert (await runtime.send(app, openid, template, values={"matter": 7})).status_code == 422
    assert (await runtime.send(app, openid, template, "m2")).status_code == 409
    headers = runtime.server(app)
    assert (await runtime.api.get("/miniapps/v1/app-messages/m1", headers=headers)).status_code == 200
    assert (await runtime.api.get("/miniapps/v1/app-messages/m9", headers=headers)).status_code == 404
    counted = {each["operation"]: (each["calls"], each["refused"]) for each in await figures(runtime, app)}
    assert counted == {"send_message": (3, 2), "get_message": (2, 1)}


async def test_a_failure_of_the_platform_counts_as_one(
    runtime: Runtime, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await runtime.app()

    async def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("svc_miniapps.runtime.messages.service.get_sent", broken)
    answer = await runtime.api.get("/miniapps/v1/app-messages/m1", headers=runtime.server(app))
    assert answer.status_code == 500
    async with database.read() as tx:
        row = (await tx.scalars(select(AppCalls))).one()
    assert (row.calls, row.refused, row.failed) == (1, 0, 1)


async def test_the_next_day_begins_anew(runtime: Runtime, database: Database) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    assert await limit(runtime, app, 1) == (200, "")
    assert (await runtime.send(app, resident.openid(app), template)).status_code == 409
    assert (await runtime.send(app, resident.openid(app), template)).status_code == 429
    async with database.transaction() as tx:
        await tx.execute(update(AppCalls).values(day=AppCalls.day - 1))
    assert (await runtime.send(app, resident.openid(app), template)).status_code == 409
    assert [each["calls"] for each in await figures(runtime, app)] == [1, 1]


async def test_a_clock_that_is_wrong_in_one_process_frees_nothing(runtime: Runtime, database: Database) -> None:
    app = await runtime.app()
    with time_machine.travel("2031-05-05T12:00:00+08:00"):
        await take_call(database, UUID(app["app_id"]), Operation.GET_MESSAGE)
    async with database.read() as tx:
        day, today = (
            await tx.execute(select(AppCalls.day, func.date(func.timezone("Asia/Shanghai", func.now()))))
        ).one()
    assert day == today


async def test_a_limit_of_nothing_stops_the_first_call_too(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    assert await limit(runtime, app, 0) == (200, "")
    assert (await runtime.send(app, resident.openid(app), template)).status_code == 429
    assert [each["over_quota"] for each in await figures(runtime, app)] == [1]


async def test_an_operator_of_the_division_sets_limits_and_the_team_reads_them(runtime: Runtime) -> None:
    app, stage = await runtime.app(), runtime.stage
    elsewhere = runtime.tokens.staff("operator", division_code=KUYTUN)
    assert await limit(runtime, app, 5, elsewhere) == (403, "not_your_division")
    assert await limit(runtime, app, 5, stage.team) == (403, "not_allowed")
    assert await limit(runtime, app, -1) == (422, "invalid_request")
    assert await limit(runtime, app, 5) == (200, "")
    path = f"/miniapps/v1/apps/{app['app_id']}"
    quotas = (await runtime.api.get(f"{path}/call-quotas", headers=stage.team)).json()["items"]
    shown = {each["operation"]: (each["daily_limit"], each["used_today"], each["reason"]) for each in quotas}
    assert shown == {"send_message": (5, 0, "试运行"), "get_message": (50_000, 0, None)}
    stranger = stage.team_of(YINING)
    for part in ("call-quotas", "calls"):
        assert outcome(await runtime.api.get(f"{path}/{part}", headers=stranger)) == (404, "not_found")
