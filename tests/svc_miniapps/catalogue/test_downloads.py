"""What a listing promises is what is fetched, whole or in parts, also while the next version is published."""

import hashlib
from datetime import timedelta

import httpx
import pytest
import time_machine

from chassis.db import now
from tests.svc_miniapps.sample_packages import PNG
from tests.svc_miniapps.stage import KUYTUN, Json, Stage, outcome, package_of


async def listed(stage: Stage, version_code: int = 1, app: Json | None = None) -> tuple[Json, Json]:
    """An app with a published version, and its listing."""
    app = app or await stage.registered()
    await stage.published(app, version_code)
    answer = await stage.api.get(f"/miniapps/v1/catalogue/{app['app_id']}")
    listing: Json = answer.json()
    return app, listing


async def fetch(stage: Stage, listing: Json, **headers: str) -> httpx.Response:
    return await stage.api.get(listing["package_url"], headers={k.replace("_", "-"): v for k, v in headers.items()})


async def test_the_address_of_a_listing_always_has_its_bytes(stage: Stage) -> None:
    app, first = await listed(stage)
    _, second = await listed(stage, 2, app)
    for listing, version_code in ((first, 1), (second, 2)):
        answer = await fetch(stage, listing)
        assert answer.content == package_of(app, version_code)
        assert hashlib.sha256(answer.content).hexdigest() == listing["sha256"]
        assert answer.headers["etag"] == f'"{listing["sha256"]}"'
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_download_goes_on_after_the_next_version_was_published(stage: Stage) -> None:
    app, first = await listed(stage)
    begun = (await fetch(stage, first, Range="bytes=0-99")).content
    await listed(stage, 2, app)
    rest = await fetch(stage, first, Range="bytes=100-", If_Range=f'"{first["sha256"]}"')
    assert (rest.status_code, begun + rest.content) == (206, package_of(app))


async def test_a_superseded_version_is_served_for_a_week(stage: Stage) -> None:
    app, first = await listed(stage)
    _, second = await listed(stage, 2, app)
    with time_machine.travel(now() + timedelta(days=6, hours=23)):
        assert (await fetch(stage, first)).status_code == 200
    with time_machine.travel(now() + timedelta(days=7, hours=1)):
        assert outcome(await fetch(stage, first)) == (404, "not_found")
        assert (await fetch(stage, second)).status_code == 200


async def test_a_later_version_does_not_bring_back_what_was_superseded_long_ago(stage: Stage) -> None:
    app, first = await listed(stage)
    await listed(stage, 2, app)
    third = await stage.draft(app, 3)
    await stage.step(third, "submit")
    with time_machine.travel(now() + timedelta(days=8)):
        await stage.step(third, "approve", stage.tokens.staff("reviewer", division_code="654000"))
        assert outcome(await fetch(stage, first)) == (404, "not_found")


@pytest.mark.parametrize("steps", [[], ["submit"], ["submit", "reject"], ["submit", "withdraw"]])
async def test_a_version_that_residents_never_had_is_not_served(stage: Stage, steps: list[str]) -> None:
    app, first = await listed(stage)
    release_id = await stage.draft(app, 2)
    for step in steps:
        await stage.step(release_id, step)
    digest = hashlib.sha256(package_of(app, 2)).hexdigest()
    path = first["package_url"].replace(first["sha256"], digest)
    assert outcome(await stage.api.get(path)) == (404, "not_found")


async def test_an_app_serves_no_other_apps_package(stage: Stage) -> None:
    _, first = await listed(stage)
    team = stage.team_of(KUYTUN)
    other = await stage.registered(team, name="公交到站", division_code=KUYTUN)
    await stage.published(other, caller=team)
    path = first["package_url"].replace(first["app_id"], other["app_id"])
    assert outcome(await stage.api.get(path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=0-99999999", 0, None),
        ("bytes=-99999999", 0, None),
        ("BYTES= 5-6", 5, 7),
        ("bytes=5-6,", 5, 7),
    ],
)
async def test_a_range_is_served(stage: Stage, wanted: str, start: int, end: int | None) -> None:
    app, listing = await listed(stage)
    whole = package_of(app)
    answer = await fetch(stage, listing, Range=wanted)
    assert (answer.status_code, answer.content) == (206, whole[start:end])
    first = start % len(whole)
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0", "bytes=0-1,5-6", "bytes=0-,0-,0-"])
async def test_a_range_that_cannot_be_served_is_refused(stage: Stage, wanted: str) -> None:
    app, listing = await listed(stage)
    answer = await fetch(stage, listing, Range=wanted)
    assert outcome(answer) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(package_of(app))}"


@pytest.mark.parametrize(
    "wanted", ["bytes=", "bytes=-", "bytes=5-1", "bytes=a-b", "lines=0-9", "bytes 0-9", "bytes=٠-٩", "bytes=0-1,x"]
)
async def test_what_is_no_range_is_ignored(stage: Stage, wanted: str) -> None:
    app, listing = await listed(stage)
    answer = await stage.api.get(listing["package_url"], headers=[(b"Range", wanted.encode())])
    assert (answer.status_code, answer.content) == (200, package_of(app))


@pytest.mark.parametrize("if_range", ['"other"', 'W/"{sha256}"', "Sat, 01 Aug 2026 00:00:00 GMT"])
async def test_a_part_of_other_bytes_is_never_sent(stage: Stage, if_range: str) -> None:
    app, listing = await listed(stage)
    answer = await fetch(stage, listing, Range="bytes=0-9", If_Range=if_range.format(**listing))
    assert (answer.status_code, answer.content) == (200, package_of(app))


async def test_if_match_refuses_other_bytes_also_at_the_address_of_the_moment(stage: Stage) -> None:
    app, first = await listed(stage)
    current = f"/miniapps/v1/catalogue/{app['app_id']}/package"
    condition = {"If-Match": f'"{first["sha256"]}"'}
    assert (await stage.api.get(current, headers=condition)).content == package_of(app)
    await listed(stage, 2, app)
    assert outcome(await stage.api.get(current, headers=condition)) == (412, "edited_meanwhile")
    assert (await fetch(stage, first, If_Match=condition["If-Match"])).content == package_of(app)


async def test_what_the_client_has_is_not_sent_again_whatever_the_range(stage: Stage) -> None:
    _, listing = await listed(stage)
    answer = await fetch(stage, listing, Range="bytes=0-9", If_None_Match=f'"{listing["sha256"]}"')
    assert (answer.status_code, answer.content) == (304, b"")


async def test_the_icon_is_served_by_its_digest_while_the_app_is_listed(stage: Stage) -> None:
    app, listing = await listed(stage)
    answer = await stage.api.get(listing["icon_url"])
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = await stage.api.get(listing["icon_url"], headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    unknown = listing["icon_url"].replace(listing["icon_url"][-64:], "0" * 64)
    assert outcome(await stage.api.get(unknown)) == (404, "not_found")
    assert hashlib.sha256(PNG).hexdigest() == listing["icon_url"][-64:]
    assert app["app_id"] == listing["app_id"]
