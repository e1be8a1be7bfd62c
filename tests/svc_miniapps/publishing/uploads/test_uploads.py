"""Uploads of packages over HTTP: what is stored, and what is refused."""

import base64
import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import emitted
from tests.svc_miniapps.publishing.uploads.stored import objects, stored
from tests.svc_miniapps.sample_packages import Entry, Package, manifest_for, zipped
from tests.svc_miniapps.stage import KUYTUN, MEDIA_TYPE, YINING, Stage, outcome, package_of

Json = dict[str, Any]


async def test_an_upload_opens_a_draft_and_reports_what_was_received(stage: Stage) -> None:
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
    assert await stored(database) == (1, 1)
    assert len(objects(package_folder)) == 1


async def test_another_file_for_a_version_that_exists_is_refused(stage: Stage, package_folder: Path) -> None:
    app = await stage.registered()
    await stage.upload(app)
    other = Package(manifest_for(app["app_id"], app["name"]))
    other.files["app.js"] = b"App({changed: true})"
    assert outcome(await stage.upload(app, content=other.packed())) == (409, "version_taken")
    assert len(objects(package_folder)) == 1


@pytest.mark.parametrize("name", ["Content-Digest", "Repr-Digest"])
async def test_a_package_that_does_not_fit_its_digest_is_not_kept(
    stage: Stage, package_folder: Path, name: str
) -> None:
    app = await stage.registered()
    content = package_of(app)
    right = f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"
    wrong = f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"
    refused = [
        await stage.upload(app, content=content, caller=stage.team | {name: value}) for value in (wrong, "sha-256=abc")
    ]
    assert [outcome(answer) for answer in refused] == [(400, "digest_mismatch"), (400, "bad_header")]
    assert objects(package_folder) == []
    assert (await stage.upload(app, content=content, caller=stage.team | {name: right})).status_code == 201


async def test_a_version_below_the_latest_is_refused_with_a_finding(stage: Stage) -> None:
    app = await stage.registered()
    await stage.upload(app, 5)
    refused = await stage.upload(app, 4)
    assert [finding["code"] for finding in refused.json()["findings"]] == ["version_too_low"]


async def test_findings_are_reported_together_in_the_language_of_the_reader(stage: Stage, database: Database) -> None:
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
        "line": None,
        "message": "name in manifest.json is not the registered one",
        "what_to_do": "Set it to the registered name: 停车泊位.",
    }
    assert chinese.json()["findings"][1]["message"] == "根目录缺少文件 app.css"
    assert await stored(database) == (0, 0)


async def test_a_refused_package_can_be_corrected_and_sent_again(stage: Stage) -> None:
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


async def test_a_package_of_twenty_mebibytes_is_accepted(stage: Stage) -> None:
    app = await stage.registered()
    package = Package(manifest_for(app["app_id"], app["name"]))
    package.files["common/photo.jpg"] = b"\xff\xd8\xff" + os.urandom(19 * 1024 * 1024)
    content = package.packed()
    release_id = (await stage.upload(app, content=content)).json()["release_id"]
    download = await stage.api.get(f"/miniapps/v1/releases/{release_id}/package", headers=stage.team)
    assert download.content == content


async def test_a_disconnected_client_leaves_nothing(
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
    assert await stored(database) == (0, 0)
    assert objects(package_folder) == []
    assert objects(tmp_path / "temporary") == []


@pytest.mark.parametrize("version_code", ["0", "-1", "2147483648", "1.5", "latest"])
async def test_an_impossible_version_is_refused(stage: Stage, version_code: str) -> None:
    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/{version_code}"
    answer = await stage.api.put(path, content=package_of(app), headers=stage.team | MEDIA_TYPE)
    assert outcome(answer) == (422, "invalid_request")


async def test_an_app_is_not_found_by_other_teams(stage: Stage) -> None:
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


async def test_a_file_that_cannot_be_accepted_is_not_read(stage: Stage) -> None:
    """The refusal precedes the body."""

    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    app = await stage.registered()
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/1"
    answer = await stage.api.put(path, content=body(), headers=stage.team_of(KUYTUN) | MEDIA_TYPE)
    assert answer.status_code == 404


async def test_an_upload_publishes_no_event(stage: Stage, database: Database) -> None:
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
    assert answer.headers["cache-control"] == "no-store"


async def test_a_package_asks_for_the_permissions_that_were_approved(stage: Stage) -> None:
    app = await stage.registered()  # with the location
    codes = []
    for name in ("CAMERA", "LOCATION"):
        wanted = [{"name": f"system.permission.{name}", "reason": "x"}]
        manifest = manifest_for(app["app_id"], app["name"], 1, req_permissions=wanted)
        answer = await stage.upload(app, content=Package(manifest).packed())
        codes.append([each["code"] for each in answer.json().get("findings", ())])
    assert codes == [["permission_not_registered"], []]
