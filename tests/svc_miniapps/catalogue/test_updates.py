"""Update checks of whole phones, from memory and by the endpoint alike."""

import json
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from svc_miniapps.catalogue.copy import FRESH_SECONDS, CatalogueCopy
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Json, Stage, outcome

PATH = "/miniapps/v1/updates"


def phone(*installed: Json, **more: object) -> Json:
    return {"division_code": YINING, "platform_version": 1, "installed": installed, **more}


def on_phone(app: Json, version_code: int = 1, **more: object) -> Json:
    return {"app_id": app["app_id"], "version_code": version_code, **more}


async def check(stage: Stage, body: object, **headers: str) -> httpx.Response:
    return await stage.api.post(PATH, json=body, headers=headers)


async def changes(stage: Stage, *installed: Json, **more: object) -> list[Json]:
    answer = await check(stage, phone(*installed, **more))
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def test_only_what_has_changed_is_answered(stage: Stage) -> None:
    old, same = await stage.registered(), await stage.registered(name="公交到站")
    await stage.published(old)
    await stage.published(same)
    await stage.published(old, 2)
    (update,) = await changes(stage, on_phone(old), on_phone(same))
    (listing,) = [each for each in await stage.catalogue() if each["app_id"] == old["app_id"]]
    promised = ("app_id", "name", "division_code", "version", "sha256", "size_bytes", "package_url")
    assert {name: update[name] for name in promised} == {name: listing[name] for name in promised}
    assert (update["change"], update["delta"]) == ("updated", None)


async def test_the_digest_decides_where_it_is_known(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    (listing,) = await stage.catalogue()
    assert await changes(stage, on_phone(app, 9, sha256=listing["sha256"])) == []
    (update,) = await changes(stage, on_phone(app, 1, sha256="0" * 64))
    assert update["sha256"] == listing["sha256"]


async def test_what_is_not_published_is_withdrawn_for_phones(stage: Stage) -> None:
    draft = await stage.registered()
    await stage.draft(draft)
    unknown = {"app_id": str(new_id())}
    for app in (draft, unknown):
        (update,) = await changes(stage, on_phone(app))
        assert (update["app_id"], update["change"], update["name"]) == (app["app_id"], "withdrawn", None)


async def test_an_app_of_another_division_has_moved_and_one_of_the_prefecture_has_not(stage: Stage) -> None:
    apps = []
    for division_code, name in ((KUYTUN, "奎屯停车"), (PREFECTURE, "全州公交")):
        team = stage.team_of(division_code)
        apps.append(await stage.registered(team, name=name, division_code=division_code))
        await stage.published(apps[-1], caller=team)
    (update,) = await changes(stage, *map(on_phone, apps))
    assert (update["change"], update["name"], update["division_code"]) == ("moved", "奎屯停车", KUYTUN)


async def test_a_version_for_a_newer_platform_is_not_offered(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE listings SET min_platform_code = 3"))
    await stage.registered(name="图书馆")  # the copy is read anew after any change by this process
    assert await changes(stage, on_phone(app, 9), platform_version=2) == []
    assert len(await changes(stage, on_phone(app, 9), platform_version=3)) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"division_code": "654099", "platform_version": 1, "installed": []}, 422, "unknown_division"),
        ({"division_code": YINING, "platform_version": 0, "installed": []}, 422, "invalid_request"),
        ({"division_code": YINING, "platform_version": 1}, 422, "invalid_request"),
        ({"division_code": YINING, "platform_version": 1, "installed": [], "phone": "x"}, 422, "invalid_request"),
        (
            {"division_code": YINING, "platform_version": 1, "installed": [], "language": "x" * 40},
            422,
            "invalid_request",
        ),
        ({"division_code": YINING, "platform_version": 1, "installed": {}}, 422, "invalid_request"),
        ({"division_code": YINING, "platform_version": True, "installed": "x"}, 422, "invalid_request"),
        ({"division_code": [YINING], "platform_version": 1, "installed": []}, 422, "invalid_request"),
        ({"division_code": YINING, "platform_version": 1, "installed": [{"app_id": "x"}]}, 422, "invalid_request"),
        ([], 422, "invalid_request"),
        ("x", 422, "invalid_request"),
    ],
)
async def test_refusals_are_those_of_the_endpoint(stage: Stage, body: object, status: int, code: str) -> None:
    assert await changes(stage) == []  # the copy is at hand now
    assert outcome(await check(stage, body)) == (status, code)


async def test_a_phone_has_at_most_two_hundred_apps_each_once(stage: Stage) -> None:
    apps = [{"app_id": str(new_id()), "version_code": 1} for _ in range(201)]
    assert len(await changes(stage, *apps[:200])) == 200
    assert outcome(await check(stage, phone(*apps))) == (422, "invalid_request")
    assert outcome(await check(stage, phone(apps[0], apps[0]))) == (422, "invalid_request")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"a":NaN}', b"\xef\xbb\xbf{}", b"null"])
async def test_what_is_no_json_is_refused(stage: Stage, content: bytes) -> None:
    await changes(stage)
    answer = await stage.api.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}


async def test_a_repeated_member_is_refused(stage: Stage) -> None:
    await changes(stage)
    plain = json.dumps(phone(*[{"app_id": str(new_id()), "version_code": 1}]))
    of_phone = plain.replace("{", '{"division_code": "654002", ', 1)
    for twice in (of_phone, plain.replace('"app_id"', '"app_id": "", "app_id"')):
        answer = await stage.api.post(PATH, content=twice, headers={"Content-Type": "application/json"})
        assert outcome(answer) == (400, "member_repeated")
    spaced = await stage.api.post(PATH, content=plain.replace(":", " :"), headers={"Content-Type": "application/json"})
    assert spaced.json() == (await stage.api.post(PATH, json=json.loads(plain))).json()


async def test_a_body_beyond_64_kib_is_refused(stage: Stage) -> None:
    await changes(stage)
    answer = await stage.api.post(PATH, content=b" " * 65_537, headers={"Content-Type": "application/json"})
    assert outcome(answer) == (413, "content_too_large")


async def test_an_unknown_parameter_is_refused(stage: Stage) -> None:
    await changes(stage)
    assert outcome(await stage.api.post(f"{PATH}?gray=1", json=phone())) == (422, "unknown_parameter")


async def test_from_memory_and_by_the_endpoint_the_answers_are_the_same(stage: Stage) -> None:
    apps = [await stage.registered(name=f"应用{number}") for number in range(6)]
    for app in apps:
        await stage.published(app)
    body = phone(*(on_phone(app, 9) for app in apps))
    for accepted in ("identity", "gzip", "zstd", "gzip;q=0, br"):
        headers = {"Accept-Encoding": accepted, "X-Request-ID": "the-same"}
        await stage.catalogue()  # the copy is at hand
        quick = await check(stage, body, **headers)
        slow = await check(stage, body, **headers, Cookie="a=b")  # not answered from memory
        assert quick.content == slow.content
        assert dict(quick.headers) == dict(slow.headers)
        assert len(quick.json()["items"]) == 6


async def test_a_repeated_header_is_refused_from_memory_too(stage: Stage) -> None:
    await changes(stage)
    content = json.dumps(phone()).encode()
    headers = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    assert (await stage.api.post(PATH, content=content, headers=headers)).status_code in {400, 415, 422}


async def test_what_another_process_publishes_is_visible_after_the_copy_aged(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    copy = CatalogueCopy()
    before = await copy.current(database)
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE listings SET name = '新名称'"))
    assert (await copy.current(database)) is before
    copy._read_at -= FRESH_SECONDS  # noqa: SLF001 - a second later
    assert copy.at_hand() is None
    after = await copy.current(database)
    assert after.entries[UUID(app["app_id"])].name == "新名称"


async def test_an_unchanged_catalogue_is_not_read_again(stage: Stage, database: Database) -> None:
    await stage.published(await stage.registered())
    copy = CatalogueCopy()
    before = await copy.current(database)
    copy.expire()
    assert copy.at_hand() is None
    assert await copy.current(database) is before
