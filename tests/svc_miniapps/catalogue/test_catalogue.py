"""What residents find in the catalogue, and what never appears in it."""

import base64
import hashlib

import pytest

from chassis.db import new_id
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Stage, decided, outcome, package_of


async def names(stage: Stage, division_code: str = YINING, **query: str) -> list[str]:
    return [item["name"] for item in await stage.catalogue(division_code, **query)]


async def published_in(stage: Stage, division_code: str, name: str, category: str = "transport") -> str:
    team = stage.team_of(division_code)
    app = await stage.registered(team, name=name, division_code=division_code, category=category)
    await stage.published(app, caller=team)
    app_id: str = app["app_id"]
    return app_id


async def test_a_division_sees_its_own_apps_and_those_of_the_prefecture(stage: Stage) -> None:
    for division_code, name in ((YINING, "伊宁停车"), (KUYTUN, "奎屯停车"), (PREFECTURE, "全州公交")):
        await published_in(stage, division_code, name)
    assert await names(stage, YINING) == ["全州公交", "伊宁停车"]
    assert await names(stage, KUYTUN) == ["全州公交", "奎屯停车"]
    assert await names(stage, "654028") == ["全州公交"]
    assert await names(stage, PREFECTURE) == ["全州公交"]


async def test_the_catalogue_can_be_filtered_by_category(stage: Stage) -> None:
    await published_in(stage, YINING, "停车", "transport")
    await published_in(stage, YINING, "挂号", "health")
    assert await names(stage, category="health") == ["挂号"]
    assert await names(stage, category="finance") == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"division_code": "Yining"}, 422, "invalid_request"),
        ({"division_code": "654099"}, 422, "unknown_division"),
        ({"division_code": YINING, "category": "games"}, 422, "unknown_category"),
        ({"division_code": YINING, "limit": "0"}, 422, "invalid_request"),
        ({"division_code": YINING, "limit": "201"}, 422, "invalid_request"),
        ({"division_code": YINING, "cursor": "nonsense"}, 400, "bad_cursor"),
    ],
)
async def test_an_invalid_query_is_refused(stage: Stage, query: dict[str, str], status: int, code: str) -> None:
    assert outcome(await stage.api.get("/miniapps/v1/catalogue", params=query)) == (status, code)


@pytest.mark.parametrize("steps", [[], ["submit"], ["submit", "reject"], ["submit", "withdraw"]])
async def test_an_unpublished_app_is_not_found(stage: Stage, steps: list[str]) -> None:
    app = await stage.registered()
    release_id = await stage.draft(app)
    for step in steps:
        await stage.step(release_id, step)
    assert await stage.catalogue() == []
    for path in (f"/miniapps/v1/catalogue/{app['app_id']}", f"/miniapps/v1/catalogue/{app['app_id']}/package"):
        assert outcome(await stage.api.get(path)) == (404, "not_found")


async def test_a_newer_release_replaces_the_older(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app, 1)
    second = await stage.draft(app, 2)
    await stage.step(second, "submit")
    assert [item["version"]["code"] for item in await stage.catalogue()] == [1]
    await stage.step(second, "approve")
    (listing,) = await stage.catalogue()
    assert (listing["release_id"], listing["version"]["code"]) == (second, 2)
    assert (await stage.api.get(listing["package_url"])).content == package_of(app, 2)


async def test_a_rejected_update_leaves_the_published_release_in_place(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app, 1)
    second = await stage.draft(app, 2)
    await stage.step(second, "submit")
    await stage.step(second, "reject")
    assert [item["version"]["code"] for item in await stage.catalogue()] == [1]


async def test_the_listing_of_an_app_changes_with_its_next_release(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app, 1)
    headers = stage.team | {"If-Match": "*"}
    changes = {"short_description": "新的说明", "category": "daily_life"}
    await stage.api.patch(f"/miniapps/v1/apps/{app['app_id']}", json=changes, headers=headers)
    assert [item["category"] for item in await stage.catalogue()] == ["transport"]
    await stage.published(app, 2)
    (listing,) = await stage.catalogue()
    assert (listing["short_description"], listing["category"]) == ("新的说明", "daily_life")


async def test_the_catalogue_is_paged(stage: Stage) -> None:
    expected = [await published_in(stage, YINING, f"应用 {place}") for place in range(5)][::-1]
    seen: list[str] = []
    query = {"division_code": YINING, "limit": "2"}
    while True:
        page = (await stage.api.get("/miniapps/v1/catalogue", params=query)).json()
        seen += [item["app_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == expected


async def test_one_app_can_be_read(stage: Stage) -> None:
    app_id = await published_in(stage, YINING, "停车")
    answer = await stage.api.get(f"/miniapps/v1/catalogue/{app_id}")
    assert answer.json() == (await stage.catalogue())[0]
    assert outcome(await stage.api.get(f"/miniapps/v1/catalogue/{new_id()}")) == (404, "not_found")
    assert outcome(await stage.api.get("/miniapps/v1/catalogue/停车")) == (422, "invalid_request")


@pytest.mark.parametrize("what", ["", "/{app_id}", "/{app_id}/package"])
async def test_an_unchanged_catalogue_is_not_sent_again(stage: Stage, what: str) -> None:
    app_id = await published_in(stage, YINING, "停车")
    path = f"/miniapps/v1/catalogue{what.format(app_id=app_id)}"
    query = {} if what else {"division_code": YINING}
    first = await stage.api.get(path, params=query)
    assert first.headers["cache-control"] == "public, max-age=1"
    etag = first.headers["etag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = await stage.api.get(path, params=query, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    other = await stage.api.get(path, params=query, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_a_publication_changes_the_etag(stage: Stage) -> None:
    query = {"division_code": YINING}
    before = (await stage.api.get("/miniapps/v1/catalogue", params=query)).headers["etag"]
    await published_in(stage, YINING, "停车")
    after = await stage.api.get("/miniapps/v1/catalogue", params=query, headers={"If-None-Match": before})
    assert (after.status_code, len(after.json()["items"])) == (200, 1)


async def test_a_download_is_the_upload_with_its_digest(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    (listing,) = await stage.catalogue()
    download = await stage.api.get(listing["package_url"])
    digest = hashlib.sha256(download.content)
    assert download.content == package_of(app)
    assert digest.hexdigest() == listing["sha256"]
    assert download.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert int(download.headers["content-length"]) == listing["size_bytes"] == len(download.content)
    assert download.headers["content-type"] == "application/miniapp-pkg+zip"
    assert download.headers["content-disposition"] == f'attachment; filename="{app["app_id"]}-1.ma"'


async def test_a_listing_names_no_person_and_no_organisation(stage: Stage) -> None:
    await published_in(stage, YINING, "停车")
    (listing,) = await stage.catalogue()
    assert not [field for field in listing if field.endswith("_by") or "organisation" in field or "reviewer" in field]


async def test_texts_of_other_languages_are_those_that_were_approved(stage: Stage) -> None:
    kazakh = {"language": "kk-Arab", "name": "كولىك تۇراعى", "description": "جاقىن تۇراقتار"}
    app = await stage.registered()
    chinese = {"language": "zh-Hans", "name": app["name"], "description": "登记时的说明"}
    waiting = (await stage.submit_registration(app, texts=[chinese, kazakh])).json()
    number = (await decided(stage, waiting)).json()["filing_number"]
    await stage.submit_registration(app, texts=[chinese, {**kazakh, "name": "باسقا"}])  # nobody has approved it
    await stage.published(app)
    path = f"/miniapps/v1/catalogue/{app['app_id']}"
    shown = {tag: (await stage.api.get(path, params={"language": tag})).json() for tag in ("kk-Arab", "kk", "zh", "ug")}
    assert {(shown[tag]["name"], shown[tag]["short_description"]) for tag in ("kk-Arab", "kk")} == {
        (kazakh["name"], kazakh["description"])
    }
    assert {(shown[tag]["name"], shown[tag]["short_description"]) for tag in ("zh", "ug")} == {
        (app["name"], app["short_description"])
    }
    assert {each["filing_number"] for each in shown.values()} == {number}
    found = await stage.api.get("/miniapps/v1/catalogue", params={"division_code": YINING, "search": "كولىك"})
    assert [each["app_id"] for each in found.json()["items"]] == [app["app_id"]]
