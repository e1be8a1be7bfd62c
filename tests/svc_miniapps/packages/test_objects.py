"""The same bytes are stored once; no sweep deletes what an upload has found."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from obstore.store import ObjectStore
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from chassis.db import Database, new_id
from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package, PackageObject
from svc_miniapps.packages.objects import keep, key_of, sweep
from svc_miniapps.settings import Settings
from tests.svc_miniapps.publishing.uploads.stored import age, objects, stored
from tests.svc_miniapps.stage import Stage, package_of

CONTENT = b"the same bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def packages(settings: Settings) -> ObjectStore:
    return store.opened(settings.packages)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "upload.ma"
    path.write_bytes(CONTENT)
    return path


async def rows(database: Database) -> int:
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(PackageObject)) or 0


async def test_the_same_bytes_are_one_object(
    database: Database, packages: ObjectStore, package_folder: Path, file: Path
) -> None:
    keys = await asyncio.gather(*(keep(database, packages, file, SHA256, len(CONTENT)) for _ in range(8)))
    assert set(keys) == {f"packages/{SHA256}.ma"}
    assert [path.read_bytes() for path in objects(package_folder)] == [CONTENT]
    assert await rows(database) == 1


async def test_uploads_of_one_version_at_once_leave_one_object(
    stage: Stage, database: Database, package_folder: Path
) -> None:
    app = await stage.registered()
    await asyncio.gather(*(stage.upload(app) for _ in range(5)))
    digest = hashlib.sha256(package_of(app)).hexdigest()
    assert [path.name for path in objects(package_folder)] == [f"{digest}.ma"]


async def test_an_object_that_was_cut_is_stored_again(
    database: Database, packages: ObjectStore, package_folder: Path, file: Path
) -> None:
    await keep(database, packages, file, SHA256, len(CONTENT))
    objects(package_folder)[0].write_bytes(CONTENT[:3])
    await keep(database, packages, file, SHA256, len(CONTENT))
    assert objects(package_folder)[0].read_bytes() == CONTENT


async def test_what_a_package_refers_to_is_never_swept(
    stage: Stage, database: Database, packages: ObjectStore, package_folder: Path
) -> None:
    app = await stage.registered()
    await stage.upload(app)
    await age(database)
    assert await sweep(database, packages) == 0
    assert objects(package_folder)[0].read_bytes() == package_of(app)


async def test_an_upload_waits_for_the_sweep_that_is_deleting_its_object(
    database: Database, packages: ObjectStore, package_folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(database, packages, file, SHA256, len(CONTENT))
    await age(database)
    deleting, may_go_on, real = asyncio.Event(), asyncio.Event(), store.delete

    async def delete(objects: ObjectStore, keys: list[str]) -> None:
        deleting.set()
        await may_go_on.wait()
        await real(objects, keys)

    monkeypatch.setattr(store, "delete", delete)
    sweeping = asyncio.create_task(sweep(database, packages))
    await deleting.wait()
    uploading = asyncio.create_task(keep(database, packages, file, SHA256, len(CONTENT)))
    done, _ = await asyncio.wait([uploading], timeout=0.3)
    assert not done  # the object is still there to be found, and about to go
    may_go_on.set()
    assert await sweeping == 1
    assert await uploading == key_of(SHA256)
    assert objects(package_folder)[0].read_bytes() == CONTENT
    assert await rows(database) == 1


async def test_a_sweep_leaves_what_an_upload_has_just_found(
    stage: Stage, database: Database, packages: ObjectStore, package_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await stage.registered()
    content = package_of(app)
    digest = hashlib.sha256(content).hexdigest()
    orphan = package_folder.parent / "orphan.ma"
    orphan.write_bytes(content)
    await keep(database, packages, orphan, digest, len(content))  # of an upload that ended before it was recorded
    await age(database)
    real, swept = store.size_of, list[int]()

    async def size_of(objects: ObjectStore, key: str) -> int | None:
        found = await real(objects, key)
        swept.append(await sweep(database, packages))  # between finding and recording
        return found

    monkeypatch.setattr(store, "size_of", size_of)
    assert (await stage.upload(app)).status_code == 201
    assert swept == [0]
    assert objects(package_folder)[0].read_bytes() == content
    assert await stored(database) == (1, 1)


async def test_sweeps_at_once_delete_each_object_once(
    database: Database, packages: ObjectStore, package_folder: Path, file: Path
) -> None:
    for number in range(10):
        await keep(database, packages, file, f"{number:064}", len(CONTENT))
    await age(database)
    assert sum(await asyncio.gather(*(sweep(database, packages) for _ in range(3)))) == 10
    assert (objects(package_folder), await rows(database)) == ([], 0)


async def test_a_store_that_fails_keeps_the_row_for_the_next_sweep(
    database: Database, packages: ObjectStore, package_folder: Path, file: Path
) -> None:
    await keep(database, packages, file, SHA256, len(CONTENT))
    await age(database)
    (stored_file,) = objects(package_folder)
    stored_file.unlink()
    stored_file.mkdir()  # cannot be deleted as a file
    assert await sweep(database, packages) == 0
    assert await rows(database) == 1
    stored_file.rmdir()
    assert await sweep(database, packages) == 1


async def test_no_package_is_recorded_without_its_object(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    row = {"version_name": "1", "sha256": SHA256, "size_bytes": 1, "object_key": "packages/gone.ma"}
    with pytest.raises(IntegrityError, match="package_objects"):
        async with database.transaction() as tx:
            tx.add(Package(app_id=app["app_id"], version_code=1, uploaded_by=new_id(), **row))
