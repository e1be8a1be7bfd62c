"""Signed-in phones get the gray releases of their person, and nobody gets what is taken down."""

from chassis.db import new_id
from tests.svc_miniapps.catalogue.test_updates import changes, on_phone, phone
from tests.svc_miniapps.stage import YINING, Headers, Json, Stage, outcome, package_of

OWN = "/miniapps/v1/me/updates"


async def own_changes(stage: Stage, person: Headers, *installed: Json) -> list[Json]:
    answer = await stage.api.post(OWN, json=phone(*installed), headers=person)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def test_a_tester_gets_the_gray_release_and_everybody_else_the_published_one(stage: Stage) -> None:
    app, tester = await stage.registered(), new_id()
    await stage.published(app)
    named = await stage.api.put(f"/miniapps/v1/apps/{app['app_id']}/testers/{tester}", headers=stage.team)
    assert named.status_code == 200
    await stage.gray(app)
    (update,) = await own_changes(stage, stage.person(person_id=tester), on_phone(app))
    assert (update["change"], update["version"]["code"]) == ("updated", 2)
    assert (await stage.api.get(update["package_url"])).content == package_of(app, 2)
    assert await own_changes(stage, stage.person(person_id=tester), on_phone(app, 2)) == []
    assert await own_changes(stage, stage.person(), on_phone(app)) == []
    assert await changes(stage, on_phone(app)) == []


async def test_own_updates_are_for_signed_in_persons(stage: Stage) -> None:
    assert outcome(await stage.api.post(OWN, json=phone())) == (401, "token_missing")
    client = stage.tokens.sign(sub="a-client", scope="staff")
    answer = await stage.api.post(OWN, json=phone(), headers={"Authorization": f"Bearer {client}"})
    assert answer.status_code in {401, 403}


async def test_the_list_of_a_signed_in_person_shows_their_gray_version(stage: Stage) -> None:
    app, tester = await stage.registered(), new_id()
    await stage.published(app)
    await stage.published(await stage.registered(name="公交到站"))
    await stage.api.put(f"/miniapps/v1/apps/{app['app_id']}/testers/{tester}", headers=stage.team)
    await stage.gray(app)
    seen = {}
    for name, person in (("tester", stage.person(person_id=tester)), ("other", stage.person())):
        answer = await stage.api.get(
            "/miniapps/v1/me/catalogue", params={"division_code": YINING, "limit": 5}, headers=person
        )
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        seen[name] = {each["name"]: (each["version"]["code"], each["sha256"]) for each in answer.json()["items"]}
    public = {each["name"]: (each["version"]["code"], each["sha256"]) for each in await stage.catalogue()}
    assert seen["other"] == public
    assert seen["tester"]["公交到站"] == public["公交到站"]
    (update,) = await own_changes(stage, stage.person(person_id=tester), on_phone(app))
    assert seen["tester"]["停车泊位"] == (2, update["sha256"])
