"""Addresses of mini-apps and their pages: what they open on a phone, and the QR codes that carry them."""

import struct
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.testing import PUBLIC_URL
from svc_miniapps.runtime.links import pages
from tests.svc_miniapps.publishing.take_downs.test_take_downs import taken_down
from tests.svc_miniapps.runtime.scene import Resident, Runtime
from tests.svc_miniapps.sample_packages import Package, manifest_for
from tests.svc_miniapps.stage import KUYTUN, YINING, Headers, Json, outcome

APP = "01900000-0000-7000-8000-000000000000"


async def resolve(
    runtime: Runtime,
    address: str,
    path: str = "links",
    headers: Headers | None = None,
    **query: Any,  # noqa: ANN401 - parameters
) -> httpx.Response:
    wanted = {"address": address, "division_code": YINING, **query}
    return await runtime.api.get(f"/miniapps/v1/{path}", params=wanted, headers=headers)


async def published(runtime: Runtime, **changes: object) -> Json:
    stage = runtime.stage
    app = await stage.registered()
    content = Package(manifest_for(app["app_id"], app["name"], 1, **changes)).packed()
    uploaded = await stage.upload(app, 1, content)
    for step in ("submit", "approve"):
        assert (await stage.step(uploaded.json()["release_id"], step)).status_code == 200
    return app


async def test_an_address_opens_a_page_of_the_published_version(runtime: Runtime) -> None:
    app = await published(runtime)
    answer = await resolve(runtime, f"myili://miniapp/{app['app_id']}/pages/detail/detail?id=%E5%81%9C&k=v#part-3")
    shown = answer.json()
    assert (answer.status_code, shown["opens"], shown["obstacle"]) == (200, True, None)
    assert (shown["app_id"], shown["version"]["name"], shown["page"]) == (
        app["app_id"],
        "1.1.0",
        "pages/detail/detail.html",
    )
    assert (shown["query"], shown["fragment"]) == ("id=%E5%81%9C&k=v", "part-3")
    package = await runtime.api.get(shown["package_url"])
    assert package.status_code == 200
    again = (await resolve(runtime, shown["https_address"])).json()
    assert again == shown
    assert shown["https_address"].startswith(f"{PUBLIC_URL}/miniapp/{app['app_id']}/pages/")


async def test_without_a_page_the_first_one_opens(runtime: Runtime) -> None:
    app = await published(runtime)
    for address in (f"myili://miniapp/{app['app_id']}", f"myili://miniapp/{app['app_id'].upper()}/?k=v"):
        assert (await resolve(runtime, address)).json()["page"] == "pages/index"


@pytest.mark.parametrize("page", ["pages/other", "pages", "app.js", "common/icon.png", "PAGES/index"])
async def test_a_page_that_the_manifest_does_not_name_is_unknown(runtime: Runtime, page: str) -> None:
    app = await published(runtime)
    assert outcome(await resolve(runtime, f"myili://miniapp/{app['app_id']}/{page}")) == (404, "unknown_page")


async def test_the_phone_may_be_unable_to_open_it(runtime: Runtime) -> None:
    app = await published(runtime, platform_version={"min_code": 7})
    address = f"myili://miniapp/{app['app_id']}"
    for query, obstacle in (
        ({"division_code": KUYTUN}, "other_division"),
        ({"platform_version": 6}, "platform_too_old"),
        ({"platform_version": 7}, None),
    ):
        shown = (await resolve(runtime, address, **query)).json()
        assert (shown["opens"], shown["obstacle"]) == (obstacle is None, obstacle)
    for version, obstacle in (("1.1.0", None), ("1.0.9", "other_version")):
        shown = (await resolve(runtime, f"myili://miniapp/{app['app_id']};version={version}/pages/index")).json()
        assert shown["obstacle"] == obstacle


async def test_what_residents_do_not_have_is_not_found(runtime: Runtime) -> None:
    unpublished = await runtime.stage.registered(name="公交到站")
    assert outcome(await resolve(runtime, f"myili://miniapp/{unpublished['app_id']}")) == (404, "not_found")
    assert outcome(await resolve(runtime, f"myili://miniapp/{APP}")) == (404, "not_found")
    app = await published(runtime)
    assert (await resolve(runtime, f"myili://miniapp/{app['app_id']}")).status_code == 200
    await taken_down(runtime.stage, app)
    assert outcome(await resolve(runtime, f"myili://miniapp/{app['app_id']}")) == (404, "not_found")


async def test_a_gray_version_opens_for_who_has_it(runtime: Runtime) -> None:
    app, stage, resident = await published(runtime), runtime.stage, Resident()
    tester = f"/miniapps/v1/apps/{app['app_id']}/testers/{resident.person_id}"
    assert (await stage.api.put(tester, headers=stage.team)).status_code == 200
    await stage.gray(app)
    address = f"myili://miniapp/{app['app_id']}"
    mine = runtime.tokens.resident(resident.person_id)
    versions = [
        (await resolve(runtime, address)).json()["version"]["code"],
        (await resolve(runtime, address, "me/links", mine)).json()["version"]["code"],
        (await resolve(runtime, address, "me/links", runtime.tokens.resident())).json()["version"]["code"],
    ]
    assert versions == [1, 2, 1]


@pytest.mark.parametrize(
    "address",
    [
        f"MYILI://miniapp/{APP}",
        f"MyIli://miniapp/{APP}",
        f"myili://MiniApp/{APP}",
        f"myili:/miniapp/{APP}",
        f"myili://user@miniapp/{APP}",
        f"myili://miniapp@evil.example/{APP}",
        f"myili://miniapp:80/{APP}",
        f"myili:\\\\miniapp\\{APP}",
        f"myili://miniapp\\{APP}",
        f"myili://miniapp/{APP}\\pages\\index",
        f"myili://miniapp//{APP}",
        f"myili://miniapp/{APP}//pages/index",
        f"myili://miniapp/{APP}/../{APP}",
        f"myili://miniapp/{APP}/pages/./index",
        f"myili://miniapp/{APP}/pages%2Findex",
        f"myili://miniapp/{APP}/pages/index?a=%2541",
        f"myili://miniapp/{APP}/pages/index?a=%C0%AF",
        f"myili://miniapp/{APP}/pages/index?a=%00",
        f"myili://miniapp/{APP}/pages/index?a=%0d%0aSet-Cookie:x",
        f"myili://miniapp/{APP}/pages/index?a=%E2%80%AE",
        f"myili://miniapp/{APP}/pages/index?a=%5C",
        f"myili://miniapp/{APP}/pages/index?a=%4",
        f"myili://miniapp/{APP}/pages/\u202eindex",
        f"myili://miniapp/{APP}/pages/index?{'a' * 501}",
        f"myili://miniapp/{APP}/pages/index#{'a' * 101}",
        f"myili://miniapp/{APP};version=/pages/index",
        f"myili://miniapp/{APP};version=1;version=2/pages/index",
        f"myili://miniapp/{APP}?a=1?b#c#d",
        f"myili://miniapp/{APP} ",
        f" myili://miniapp/{APP}",
        f"myili://miniapp/{APP}\n",
        "myili://miniapp/not-an-id",
        f"myili://miniapp/{APP.replace('-', '')}",
        f"other://miniapp/{APP}",
        f"ftp://{PUBLIC_URL.partition('://')[2]}/miniapp/{APP}",
        f"{PUBLIC_URL}.evil.example/miniapp/{APP}",
        f"{PUBLIC_URL}@evil.example/miniapp/{APP}",
        f"{PUBLIC_URL.replace('://', '://user@')}/miniapp/{APP}",
        f"https://evil.example/miniapp/{APP}",
        f"{PUBLIC_URL}/MINIAPP/{APP}",
        f"javascript://miniapp/{APP}",
    ],
)
async def test_hostile_addresses_are_refused(runtime: Runtime, address: str) -> None:
    assert outcome(await resolve(runtime, address)) == (422, "miniapp_address_refused")


async def test_an_address_is_bounded(runtime: Runtime) -> None:
    assert outcome(await resolve(runtime, f"myili://miniapp/{APP}/{'a' * 1_000}")) == (422, "invalid_request")
    assert outcome(await resolve(runtime, "")) == (422, "invalid_request")


async def test_a_package_is_read_once_and_a_lost_store_is_said(
    runtime: Runtime, package_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await published(runtime)
    address, packages = f"myili://miniapp/{app['app_id']}", package_folder / "packages"
    away = packages.rename(package_folder / "away")
    assert outcome(await resolve(runtime, address)) == (503, "try_later")
    away.rename(packages)
    assert (await resolve(runtime, address)).status_code == 200
    monkeypatch.setattr(pages, "_read", None)
    assert (await resolve(runtime, address)).status_code == 200


async def test_a_qr_code_for_a_poster_has_the_https_address(runtime: Runtime) -> None:
    app = await published(runtime)
    path = f"/miniapps/v1/catalogue/{app['app_id']}/qr-code"
    drawn = await runtime.api.get(path)
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
    assert drawn.content.startswith(b"<svg")
    page = {"page": "pages/detail/detail", "format": "png"}
    painted = await runtime.api.get(path, params=page)
    assert painted.headers["content-type"] == "image/png"
    width, height = struct.unpack_from(">II", painted.content, 16)
    assert width == height >= 500
    assert outcome(await runtime.api.get(path, params={"page": "pages/other"})) == (404, "unknown_page")
    assert outcome(await runtime.api.get(path, params={"page": "../x"})) == (422, "invalid_request")
    assert outcome(await runtime.api.get(f"/miniapps/v1/catalogue/{APP}/qr-code")) == (404, "not_found")
