"""Trials: a QR code that opens one version for one named person, until it ends."""

import asyncio

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from svc_miniapps.publishing.testers.consumers import PersonClosed, erase_tester
from tests.svc_miniapps.stage import YINING, Headers, Json, Stage, outcome, package_of


def resident(stage: Stage, person_id: object) -> Headers:
    return {"Authorization": f"Bearer {stage.tokens.sign(sub=str(person_id))}"}


async def named(stage: Stage, app: Json, person_id: object) -> httpx.Response:
    return await stage.api.put(f"/miniapps/v1/apps/{app['app_id']}/testers/{person_id}", headers=stage.team)


async def trial_of(stage: Stage, release_id: str, person_id: object) -> httpx.Response:
    return await stage.post(f"releases/{release_id}/trials", stage.team, {"person_id": str(person_id)})


async def opened(stage: Stage, token: str, caller: Headers) -> httpx.Response:
    return await stage.post("trials/open", caller, {"token": token})


async def test_a_tester_opens_a_draft_by_its_code(stage: Stage) -> None:
    app, person = await stage.registered(), new_id()
    assert (await named(stage, app, person)).status_code == 200
    trial = (await trial_of(stage, await stage.draft(app), person)).json()
    assert trial["qr_svg"].startswith("<svg")
    assert trial["token"] in trial["link"]
    answer = (await opened(stage, trial["token"], resident(stage, person))).json()
    package = await stage.api.get(answer["package_url"], headers=resident(stage, person))
    assert package.content == package_of(app)


async def test_it_is_nobody_elses(stage: Stage) -> None:
    app, person, other = await stage.registered(), new_id(), new_id()
    for each in (person, other):
        await named(stage, app, each)
    trial = (await trial_of(stage, await stage.draft(app), person)).json()
    assert outcome(await opened(stage, trial["token"], resident(stage, other))) == (404, "trial_not_open")
    assert outcome(await opened(stage, "x" * 43, resident(stage, person))) == (404, "trial_not_open")
    path = f"/miniapps/v1/trials/{trial['trial_id']}/package"
    assert outcome(await stage.api.get(path, headers=resident(stage, other))) == (404, "trial_not_open")
    # Not by its address alone, before the code was read.
    assert outcome(await stage.api.get(path, headers=resident(stage, person))) == (404, "not_found")


async def test_only_who_was_named_gets_one(stage: Stage) -> None:
    app = await stage.registered()
    release_id = await stage.draft(app)
    assert outcome(await trial_of(stage, release_id, new_id())) == (409, "not_a_tester")


@pytest.mark.parametrize("how", ["time", "removal", "closure", "replaced"])
async def test_it_ends(stage: Stage, database: Database, how: str) -> None:
    app, person = await stage.registered(), new_id()
    await named(stage, app, person)
    release_id = await stage.draft(app)
    trial = (await trial_of(stage, release_id, person)).json()
    caller = resident(stage, person)
    package_url = (await opened(stage, trial["token"], caller)).json()["package_url"]
    match how:
        case "time":
            async with database.transaction() as tx:
                await tx.execute(text("UPDATE trials SET ends_at = now()"))
        case "removal":
            path = f"/miniapps/v1/apps/{app['app_id']}/testers/{person}"
            assert (await stage.api.delete(path, headers=stage.team)).status_code == 204
        case "closure":
            async with database.transaction() as tx:
                data = PersonClosed(person_id=person)
                await erase_tester(tx, Received(new_id(), "cn.ili.identity.person.closed.v1", now(), data))
        case _:
            await trial_of(stage, release_id, person)
    assert outcome(await opened(stage, trial["token"], caller)) == (404, "trial_not_open")
    assert outcome(await stage.api.get(package_url, headers=caller)) == (404, "trial_not_open")


async def test_a_hundred_testers_are_the_most_also_at_once(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    async with database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO testers (app_id, person_id, named_by, named_at) "
                "SELECT :app, uuidv7(), uuidv7(), now() FROM generate_series(1, 99)"
            ),
            {"app": app["app_id"]},
        )
    answers = await asyncio.gather(*(named(stage, app, new_id()) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409]


async def test_another_team_names_nobody(stage: Stage) -> None:
    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}/testers/{new_id()}"
    assert outcome(await stage.api.put(path, headers=stage.team_of(YINING))) == (404, "not_found")
