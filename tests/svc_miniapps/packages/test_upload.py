"""Uploading over HTTP: what is kept, what is refused, and what happens in between."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest
import time_machine
from obstore.store import ObjectStore
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from chassis.db import Database, new_id, now
from chassis.testing import emitted
from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package as PackageRow
from svc_miniapps.publishing.releases.models import Release
from svc_miniapps.publishing.uploads import service
from svc_miniapps.settings import Settings
from tests.svc_miniapps.building import Entry, Package, manifest_for, zipped
from tests.svc_miniapps.stage import KUYTUN, MEDIA_TYPE, YINING, Stage, outcome, package_of

Json = dict[str, Any]


async def kept(database: Database) -> tuple[int, int]:
    """How many packages and releases there are."""
    async with database.read() as tx:
        packages = await tx.scalar(select(func.count()).select_from(PackageRow))
        releases = await tx.scalar(select(func.count()).select_from(Release))
    return packages or 0, releases or 0


def objects(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_an_upload_opens_a_draft_and_says_what_was_received(stage: Stage) -> None:
    app = await stage.registered()
    content = package_of(app)
    answer = await stage.upload(app, content=content)
    assert answer.status_code == 201
    uploaded = answer.json()
    assert uploaded["sha256"] == hashlib.sha256(content).hexdigest()
    assert uploaded["size_bytes"] == len(content)
    assert uploaded["version"] == {"code": 1, "name": "1.1.0"}
    assert await stage.status(uploaded["release_id"]) == "draft"


async def test_the_same_file_again_is_the_same_package(stage: Stage, database: Database, package_folder: Path) -> None:
    app = await stage.registered()
    first = await stage.upload(app)
    again = await stage.upload(app)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert await kept(database) == (1, 1)
    assert len(objects(package_folder)) == 1


async def test_another_file_for_a_version_that_exists_is_refused(stage: Stage, package_folder: Path) -> None:
    app = await stage.registered()
    await stage.upload(app)
    other = Package(manifest_for(app["app_id"], app["name"]))
    other.files["app.js"] = b"App({changed: true})"
    assert outcome(await stage.upload(app, content=other.packed())) == (409, "version_taken")
    assert len(objects(package_folder)) == 1


async def test_a_version_below_the_latest_is_refused_with_a_finding(stage: Stage) -> None:
    app = await stage.registered()
    await stage.upload(app, 5)
    refused = await stage.upload(app, 4)
    assert [finding["code"] for finding in refused.json()["findings"]] == ["version_too_low"]


async def test_findings_come_all_at_once_in_the_readers_language(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    package = Package(manifest_for(app["app_id"], "别的名称", pages=["pages/nowhere"]))
    del package.files["app.css"]
    content = zipped([*package.entries(), Entry(b"../escape.js", b"x")])
    headers = stage.team | MEDIA_TYPE
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/1"
    chinese = await stage.api.put(path, content=content, headers=headers)
    english = await stage.api.put(path, content=content, headers=headers | {"Accept-Language": "en"})
    assert outcome(chinese) == (422, "package_refused")
    assert [(finding["code"], finding["member"]) for finding in english.json()["findings"]] == [
        ("unsafe_path", "../escape.js"),
        ("missing_file", "app.css"),
        ("other_name", "manifest.json"),
        ("page_missing", "manifest.json"),
    ]
    assert english.json()["findings"][2] == {
        "code": "other_name",
        "member": "manifest.json",
        "message": "name in manifest.json is not the registered one",
        "what_to_do": "Set it to the registered name: 停车泊位.",
    }
    assert chinese.json()["findings"][1]["message"] == "根目录缺少文件 app.css"
    assert await kept(database) == (0, 0)


async def test_a_refused_package_can_be_put_right_and_sent_again(stage: Stage) -> None:
    app = await stage.registered()
    assert outcome(await stage.upload(app, content=b"not a zip")) == (422, "package_refused")
    assert (await stage.upload(app)).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/zip"},
        {"Content-Type": "application/octet-stream"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": ""},
        {**MEDIA_TYPE, "Content-Encoding": "gzip"},
    ],
)
async def test_another_media_type_is_refused(stage: Stage, headers: dict[str, str]) -> None:
    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/1"
    answer = await stage.api.put(path, content=package_of(app), headers=stage.team | headers)
    assert outcome(answer) == (415, "unsupported_media_type")


async def test_the_media_type_may_have_parameters_and_capitals(stage: Stage) -> None:
    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/1"
    headers = stage.team | {"Content-Type": "Application/MiniApp-Pkg+ZIP; version=1"}
    assert (await stage.api.put(path, content=package_of(app), headers=headers)).status_code == 201


@pytest.mark.parametrize("is_declared", [True, False])
async def test_more_than_twenty_mebibytes_are_refused(stage: Stage, package_folder: Path, *, is_declared: bool) -> None:
    app = await stage.registered()
    content: bytes | AsyncIterator[bytes] = bytes(20 * 1024 * 1024 + 1) if is_declared else _endless()
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/1"
    answer = await stage.api.put(path, content=content, headers=stage.team | MEDIA_TYPE)
    assert outcome(answer) == (413, "content_too_large")
    assert objects(package_folder) == []


async def _endless() -> AsyncIterator[bytes]:
    for _ in range(400):
        yield bytes(64 * 1024)


async def test_a_package_of_twenty_mebibytes_is_taken(stage: Stage) -> None:
    app = await stage.registered()
    package = Package(manifest_for(app["app_id"], app["name"]))
    package.files["common/photo.jpg"] = os.urandom(19 * 1024 * 1024)
    content = package.packed()
    release_id = (await stage.upload(app, content=content)).json()["release_id"]
    download = await stage.api.get(f"/miniapps/v1/releases/{release_id}/package", headers=stage.team)
    assert download.content == content


async def test_a_client_that_goes_away_leaves_nothing(
    stage: Stage, database: Database, package_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await stage.registered()
    content = package_of(app)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    messages = iter([{"type": "http.request", "body": content[:100], "more_body": True}, {"type": "http.disconnect"}])
    answered: list[Any] = []
    asgi: Any = stage.api._transport  # noqa: SLF001 - the application behind the client
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/1"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "server": ("gateway.test", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (stage.team | MEDIA_TYPE).items()],
    }

    async def receive() -> Any:  # noqa: ANN401 - an ASGI message
        return next(messages)

    async def send(message: Any) -> None:  # noqa: ANN401 - an ASGI message
        answered.append(message)

    await asgi.app(scope, receive, send)
    assert answered[0]["status"] == 400
    assert json.loads(answered[1]["body"])["code"] == "upload_cut_short"
    assert await kept(database) == (0, 0)
    assert objects(package_folder) == []
    assert objects(tmp_path / "temporary") == []


@pytest.mark.parametrize("version_code", ["0", "-1", "2147483648", "1.5", "latest"])
async def test_an_impossible_version_is_refused(stage: Stage, version_code: str) -> None:
    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/{version_code}"
    answer = await stage.api.put(path, content=package_of(app), headers=stage.team | MEDIA_TYPE)
    assert outcome(answer) == (422, "invalid_request")


async def test_strangers_learn_nothing_about_an_app(stage: Stage) -> None:
    app = await stage.registered()
    for caller in (
        stage.team_of(KUYTUN),
        stage.team_of(YINING),  # the same division, another organisation
        stage.team_of(KUYTUN, stage.team_organisation),  # the same organisation, another division
    ):
        assert outcome(await stage.upload(app, caller=caller)) == (404, "not_found")
    for caller in (stage.reviewer, stage.tokens.resident(), stage.tokens.client(new_id(), "bills:write")):
        assert outcome(await stage.upload(app, caller=caller)) == (403, "not_allowed")
    unknown = {"app_id": str(new_id()), "name": "停车泊位"}
    assert outcome(await stage.upload(unknown)) == (404, "not_found")
    anonymous = await stage.upload(app, caller={"X-Nobody": "1"})
    assert outcome(anonymous) == (401, "token_missing")


async def test_nobody_is_asked_to_send_a_file_that_will_not_be_taken(stage: Stage) -> None:
    """The refusal comes before the body is read."""

    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/1"
    answer = await stage.api.put(path, content=body(), headers=stage.team_of(KUYTUN) | MEDIA_TYPE)
    assert answer.status_code == 404


async def test_of_two_uploads_of_one_version_at_once_one_is_kept(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    other = Package(manifest_for(app["app_id"], app["name"]))
    other.files["app.js"] = b"App({other: true})"
    answers = await asyncio.gather(stage.upload(app), stage.upload(app, content=other.packed()))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await kept(database) == (1, 1)


async def test_the_same_upload_five_times_at_once_is_one_package(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    answers = await asyncio.gather(*(stage.upload(app) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len({answer.json()["package_id"] for answer in answers}) == 1
    assert await kept(database) == (1, 1)


async def test_a_lower_version_that_was_slower_is_refused(
    stage: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both pass the checks; the higher one is written down first."""
    app = await stage.registered()
    slow = asyncio.Event()
    real = store.put

    async def put(objects: ObjectStore, key: str, file: Path) -> None:
        if not slow.is_set():
            slow.set()
            assert (await stage.upload(app, 2)).status_code == 201
        await real(objects, key, file)

    monkeypatch.setattr(store, "put", put)
    refused = await stage.upload(app, 1)
    assert [finding["code"] for finding in refused.json()["findings"]] == ["version_too_low"]
    assert await kept(database) == (1, 1)


async def test_a_store_that_fails_is_a_503_and_nothing_is_written_down(
    stage: Stage, database: Database, package_folder: Path
) -> None:
    app = await stage.registered()
    in_the_way = package_folder / "packages"
    in_the_way.write_bytes(b"a file where the folder should be")
    assert outcome(await stage.upload(app)) == (503, "try_later")
    assert await kept(database) == (0, 0)
    in_the_way.unlink()
    assert (await stage.upload(app)).status_code == 201


async def test_a_package_missing_from_the_store_is_a_503_for_downloads(stage: Stage, package_folder: Path) -> None:
    app = await stage.registered()
    await stage.published(app)
    for file in objects(package_folder):
        file.unlink()
    path = f"/miniapps/v1/catalogue/{app['app_id']}/package"
    assert outcome(await stage.api.get(path)) == (503, "try_later")


async def test_packages_cannot_be_changed_even_by_hand(stage: Stage, database: Database) -> None:
    await stage.upload(await stage.registered())
    for statement in ("UPDATE packages SET sha256 = ''", "DELETE FROM packages"):
        with pytest.raises(DBAPIError, match="is only ever added to"):
            async with database.transaction() as tx:
                await tx.execute(text(statement))


async def test_the_sweep_takes_old_orphans_and_nothing_else(
    stage: Stage, database: Database, settings: Settings, package_folder: Path
) -> None:
    await stage.upload(await stage.registered())
    (package,) = objects(package_folder)
    packages = store.opened(settings.packages)
    for name in ("old", "new"):
        await obstore.put_async(packages, f"packages/{name}/orphan.ma", b"x")
    long_ago = time.time() - timedelta(days=2).total_seconds()
    for path in (package, package_folder / "packages/old/orphan.ma"):
        os.utime(path, (long_ago, long_ago))
    assert await service.sweep(database, packages) == 1
    assert {path.name for path in objects(package_folder)} == {package.name, "orphan.ma"}
    assert not (package_folder / "packages/old/orphan.ma").exists()
    with time_machine.travel(now() + timedelta(days=2)):
        assert await service.sweep(database, packages) == 1
    assert objects(package_folder) == [package]


async def test_an_upload_tells_no_one_yet(stage: Stage, database: Database) -> None:
    await stage.upload(await stage.registered())
    async with database.read() as tx:
        assert [event.type for event in await emitted(tx)] == ["cn.ili.miniapps.app.registered.v1"]


async def test_reviewers_cannot_download_a_draft(stage: Stage) -> None:
    release_id = await stage.draft(await stage.registered())
    path = f"/miniapps/v1/releases/{release_id}/package"
    assert outcome(await stage.api.get(path, headers=stage.reviewer)) == (404, "not_found")
    await stage.step(release_id, "submit")
    answer: httpx.Response = await stage.api.get(path, headers=stage.reviewer)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
