"""Packages uploaded in several requests."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select, update

from chassis.db import Database, new_id
from chassis.testing import once
from svc_miniapps.publishing.uploads.models import PackageUpload, PackageUploadPart
from svc_miniapps.publishing.uploads.resumable import MOST_OPEN, forget_old
from tests.svc_miniapps.publishing.uploads.stored import objects, stored
from tests.svc_miniapps.stage import KUYTUN, Stage, outcome, package_of

Json = dict[str, Any]


async def begin(stage: Stage, app: Json, length: int, **more: object) -> httpx.Response:
    body = {"version_code": 1, "length": length, **more}
    return await stage.api.post(
        f"/miniapps/v1/apps/{app['app_id']}/package-uploads", json=body, headers=stage.team | once()
    )


async def begun(stage: Stage, app: Json, length: int, **more: object) -> str:
    answer = await begin(stage, app, length, **more)
    assert answer.status_code == 201, answer.text
    return f"/miniapps/v1/apps/{app['app_id']}/package-uploads/{answer.json()['upload_id']}"


async def send(stage: Stage, path: str, content: bytes, offset: int, *, last: bool) -> httpx.Response:
    headers = {
        "Content-Type": "application/partial-upload",
        "Upload-Offset": str(offset),
        "Upload-Complete": "?1" if last else "?0",
    }
    return await stage.api.patch(path, content=content, headers=stage.team | headers)


async def test_a_package_in_three_requests_is_a_package(stage: Stage, database: Database, package_folder: Path) -> None:
    app = await stage.registered()
    content = package_of(app)
    path = await begun(stage, app, len(content), sha256=hashlib.sha256(content).hexdigest())
    first = await send(stage, path, content[:100], 0, last=False)
    assert (first.status_code, first.headers["upload-offset"]) == (204, "100")
    resumed = await stage.api.head(path, headers=stage.team)
    assert (resumed.status_code, resumed.headers["upload-offset"]) == (204, "100")
    await send(stage, path, content[100:300], 100, last=False)
    last = await send(stage, path, content[300:], 300, last=True)
    assert last.status_code == 200, last.text
    assert last.json()["sha256"] == hashlib.sha256(content).hexdigest()
    assert await stage.status(last.json()["release_id"]) == "draft"
    shown = (await stage.api.get(path, headers=stage.team)).json()
    assert (shown["status"], shown["package"]) == ("accepted", last.json())
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(PackageUploadPart)) == 0
    assert objects(package_folder)[0].read_bytes() == content


async def test_the_last_request_again_has_the_same_answer(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    content = package_of(app)
    path = await begun(stage, app, len(content))
    first = await send(stage, path, content, 0, last=True)
    again = await send(stage, path, b"", len(content), last=True)
    assert (again.status_code, again.json()) == (200, first.json())
    assert await stored(database) == (1, 1)


async def test_concurrent_last_requests_are_one_package(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    content = package_of(app)
    path = await begun(stage, app, len(content))
    await send(stage, path, content[:-1], 0, last=False)
    answers = await asyncio.gather(*(send(stage, path, content[-1:], len(content) - 1, last=True) for _ in range(3)))
    assert 200 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert await stored(database) == (1, 1)


async def test_a_refused_package_keeps_its_findings(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    path = await begun(stage, app, 9)
    first = await send(stage, path, b"not a zip", 0, last=True)
    assert outcome(first) == (422, "package_refused")
    again = await send(stage, path, b"", 9, last=True)
    assert again.json()["findings"] == first.json()["findings"]
    assert (await stage.api.get(path, headers=stage.team)).json()["status"] == "refused"
    assert await stored(database) == (0, 0)


async def test_another_file_than_announced_is_refused(stage: Stage) -> None:
    app = await stage.registered()
    content = package_of(app)
    path = await begun(stage, app, len(content), sha256="0" * 64)
    for part, offset in ((content, 0), (b"", len(content))):
        assert outcome(await send(stage, path, part, offset, last=True)) == (400, "digest_mismatch")


async def test_a_wrong_offset_says_where_to_go_on(stage: Stage) -> None:
    app = await stage.registered()
    content = package_of(app)
    path = await begun(stage, app, len(content))
    await send(stage, path, content[:50], 0, last=False)
    wrong = await send(stage, path, content[60:], 60, last=True)
    assert outcome(wrong) == (409, "upload_offset_mismatch")
    assert wrong.headers["upload-offset"] == "50"


async def test_too_many_open_uploads_are_refused_also_at_once(stage: Stage) -> None:
    app = await stage.registered()
    answers = await asyncio.gather(*(begin(stage, app, 10) for _ in range(MOST_OPEN + 2)))
    assert sorted(answer.status_code for answer in answers) == [201] * MOST_OPEN + [409] * 2


async def test_more_than_a_package_may_have_is_refused_before_it_is_sent(stage: Stage) -> None:
    app = await stage.registered()
    assert outcome(await begin(stage, app, 20 * 1024 * 1024 + 1)) == (422, "invalid_request")


async def test_an_upload_is_unknown_to_others(stage: Stage) -> None:
    app = await stage.registered()
    path = await begun(stage, app, 10)
    for caller in (stage.team_of(KUYTUN), stage.team_of("654002")):
        for method in ("GET", "HEAD"):
            assert (await stage.api.request(method, path, headers=caller)).status_code == 404
    other = await stage.registered(name="公交查询")
    elsewhere = path.replace(app["app_id"], other["app_id"])
    assert outcome(await stage.api.get(elsewhere, headers=stage.team)) == (404, "not_found")
    unknown = f"/miniapps/v1/apps/{app['app_id']}/package-uploads/{new_id()}"
    assert outcome(await send(stage, unknown, b"x", 0, last=True)) == (404, "not_found")
    assert outcome(await stage.api.get(path, headers=stage.reviewer)) == (403, "not_allowed")


async def test_an_upload_that_nobody_continues_is_deleted(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    old, new = await begun(stage, app, 10), await begun(stage, app, 10)
    await send(stage, old, b"12345", 0, last=False)
    async with database.transaction() as tx:
        aged = update(PackageUpload).where(PackageUpload.id == old.rpartition("/")[2])
        await tx.execute(aged.values(touched_at=func.now() - timedelta(days=2)))
    await forget_old(database)
    assert (await stage.api.get(old, headers=stage.team)).status_code == 404
    assert (await stage.api.get(new, headers=stage.team)).status_code == 200
