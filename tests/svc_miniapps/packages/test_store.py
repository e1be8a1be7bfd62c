"""Stored packages: append-only, swept of orphans, and a 503 when the store fails."""

import os
import time
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.db import Database, now
from svc_miniapps.packages import store
from svc_miniapps.packages.objects import sweep
from svc_miniapps.settings import Settings
from tests.svc_miniapps.publishing.uploads.stored import age, objects, stored
from tests.svc_miniapps.stage import Stage, outcome


async def test_a_failing_store_is_a_503_and_nothing_is_stored(
    stage: Stage, database: Database, package_folder: Path
) -> None:
    app = await stage.registered()
    in_the_way = package_folder / "packages"
    in_the_way.write_bytes(b"a file where the folder should be")
    assert outcome(await stage.upload(app)) == (503, "try_later")
    assert await stored(database) == (0, 0)
    in_the_way.unlink()
    assert (await stage.upload(app)).status_code == 201


async def test_a_package_missing_from_the_store_is_a_503_for_downloads(stage: Stage, package_folder: Path) -> None:
    app = await stage.registered()
    await stage.published(app)
    for file in objects(package_folder):
        file.unlink()
    path = f"/miniapps/v1/catalogue/{app['app_id']}/package"
    assert outcome(await stage.api.get(path)) == (503, "try_later")


async def test_packages_are_append_only(stage: Stage, database: Database) -> None:
    await stage.upload(await stage.registered())
    for statement in ("UPDATE packages SET sha256 = ''", "DELETE FROM packages"):
        with pytest.raises(DBAPIError, match="is only ever added to"):
            async with database.transaction() as tx:
                await tx.execute(text(statement))


async def test_the_sweep_deletes_old_orphans_only(
    stage: Stage, database: Database, settings: Settings, package_folder: Path
) -> None:
    """Also those of earlier versions, under keys of their own that no row names."""
    await stage.upload(await stage.registered())
    (package,) = objects(package_folder)
    packages = store.opened(settings.packages)
    for name in ("old", "new"):
        await obstore.put_async(packages, f"packages/{name}/orphan.ma", b"x")
    long_ago = time.time() - timedelta(days=2).total_seconds()
    for path in (package, package_folder / "packages/old/orphan.ma"):
        os.utime(path, (long_ago, long_ago))
    await age(database)
    assert await sweep(database, packages) == 1
    assert {path.name for path in objects(package_folder)} == {package.name, "orphan.ma"}
    assert not (package_folder / "packages/old/orphan.ma").exists()
    with time_machine.travel(now() + timedelta(days=2)):
        assert await sweep(database, packages) == 1
    assert objects(package_folder) == [package]
