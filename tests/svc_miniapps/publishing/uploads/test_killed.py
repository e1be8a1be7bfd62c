"""A process that is killed between storing a complete package and recording it loses nothing and blocks nobody."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text, update

from chassis.db import Database
from chassis.testing import until
from deploy.local.programs import Program, accepts_connections, free_port, running
from svc_miniapps.packages.store import opened
from svc_miniapps.publishing.uploads.models import PackageUpload, PackageUploadPart, UploadStatus
from svc_miniapps.publishing.uploads.resumable import LONGEST_CHECK, finish_received
from svc_miniapps.settings import Settings
from tests.svc_miniapps.publishing.uploads.stored import objects, stored
from tests.svc_miniapps.publishing.uploads.test_resumable import begun, send
from tests.svc_miniapps.stage import Stage, outcome, package_of

Json = dict[str, Any]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    url = settings.database.set(drivername="postgresql")
    values = {
        "database_url": url.set(database=None).render_as_string(hide_password=False),
        "database_name": url.database or "",
        "kafka": settings.kafka,
        "public_url": settings.public_url,
        "jwks_url": settings.jwks_url,
        "packages": settings.packages,
        "package_signing_key": settings.package_signing_key.get_secret_value(),
    }
    return {f"MYILI_{name.upper()}": value for name, value in values.items()}


@contextmanager
def process(environment: dict[str, str], log: Path) -> Iterator[tuple[str, Any]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.svc_miniapps.served", str(port)]
    program = Program("svc_miniapps", command, url, partial(accepts_connections, port), environment)
    with running(program, log) as running_process:
        yield url, running_process


async def killed_before_it_records(
    stage: Stage, database: Database, package_folder: Path, environment: dict[str, str], app: Json
) -> str:
    """Send a whole package to a process that is killed once the store has it. Returns the path of the upload."""
    content = package_of(app)
    path = await begun(stage, app, len(content))
    await send(stage, path, content[:100], 0, last=False)
    with process(environment, package_folder.parent / "killed.log") as (url, killed):
        async with httpx.AsyncClient(base_url=url, timeout=60) as api, database.transaction() as tx:
            # Whoever records a package locks its app: the process goes no further than the store.
            await tx.execute(text("SELECT 1 FROM apps WHERE id = :id FOR UPDATE"), {"id": app["app_id"]})
            elsewhere = Stage(api, stage.tokens)
            elsewhere.team = stage.team
            last = asyncio.create_task(send(elsewhere, path, content[100:], 100, last=True))

            async def is_stored() -> bool:
                return objects(package_folder) != []

            await until(is_stored, seconds=60)
            killed.kill()
            killed.wait()
            with pytest.raises(httpx.TransportError):
                await last
    assert await stored(database) == (0, 0)
    async with database.read() as tx:
        assert await tx.scalar(select(PackageUpload.status)) == UploadStatus.RECEIVED
    return path


@pytest.mark.timeout(120)
async def test_the_client_asks_again_and_has_its_package(
    stage: Stage, database: Database, package_folder: Path, environment: dict[str, str]
) -> None:
    app = await stage.registered()
    path = await killed_before_it_records(stage, database, package_folder, environment, app)
    whole = len(package_of(app))
    offset = await stage.api.head(path, headers=stage.team)
    assert (offset.headers["upload-offset"], offset.headers["upload-complete"]) == (str(whole), "?1")
    assert (await stage.api.get(path, headers=stage.team)).json()["status"] == "received"
    again = await send(stage, path, b"", whole, last=True)
    assert again.status_code == 200, again.text
    assert await stored(database) == (1, 1)
    assert [file.read_bytes() for file in objects(package_folder)] == [package_of(app)]


@pytest.mark.timeout(120)
async def test_the_worker_ends_what_no_client_asks_for(
    stage: Stage, database: Database, package_folder: Path, environment: dict[str, str], settings: Settings
) -> None:
    app = await stage.registered()
    path = await killed_before_it_records(stage, database, package_folder, environment, app)
    packages = opened(settings.packages)
    assert await finish_received(database, packages) == 0  # somebody may still be at work on it
    async with database.transaction() as tx:
        await tx.execute(update(PackageUpload).values(touched_at=func.now() - 2 * LONGEST_CHECK))
    assert await asyncio.gather(*(finish_received(database, packages) for _ in range(2))) == [1, 1]
    shown = (await stage.api.get(path, headers=stage.team)).json()
    assert shown["status"] == "accepted"
    assert await stage.status(shown["package"]["release_id"]) == "draft"
    assert await stored(database) == (1, 1)
    assert len(objects(package_folder)) == 1
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(PackageUploadPart)) == 0
    assert await finish_received(database, packages) == 0


async def test_the_worker_keeps_the_findings_of_a_bad_package(
    stage: Stage, database: Database, settings: Settings
) -> None:
    path = await begun(stage, await stage.registered(), 9)
    await send(stage, path, b"not a z", 0, last=False)
    async with database.transaction() as tx:  # as if its last request had ended before any check
        tx.add(PackageUploadPart(upload_id=path.rpartition("/")[2], begins_at=7, content=b"ip"))
        left = {"status": UploadStatus.RECEIVED, "received": 9, "touched_at": func.now() - 2 * LONGEST_CHECK}
        await tx.execute(update(PackageUpload).values(left))
    assert await finish_received(database, opened(settings.packages)) == 1
    assert (await stage.api.get(path, headers=stage.team)).json()["status"] == "refused"
    assert outcome(await send(stage, path, b"", 9, last=True)) == (422, "package_refused")
