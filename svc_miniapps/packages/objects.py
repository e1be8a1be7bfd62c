"""Stored files by their content: the same bytes are one object, kept as long as a package refers to it (0165).

An upload claims its key before it looks for the object, so that no sweep deletes what it has found: the sweep holds
the row until the object is gone, and a foreign key keeps a package from being recorded without its object.
"""

from datetime import timedelta
from pathlib import Path

from obstore.store import ObjectStore
from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from chassis.db import Database
from chassis.problems import TryLater
from chassis.telemetry import log
from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package, PackageObject

ORPHAN_AGE = timedelta(days=1)
"""Far longer than any upload takes from its claim to its record."""
AT_ONCE = 500


def key_of(sha256: str) -> str:
    return f"{store.FOLDER}/{sha256}.ma"


async def keep(database: Database, objects: ObjectStore, file: Path, sha256: str, size_bytes: int) -> str:
    """Store a file unless its bytes are there already. Returns the key, which is claimed for a day."""
    key = key_of(sha256)
    async with database.transaction() as tx:
        # Waits for a sweep that is deleting this very object.
        row = insert(PackageObject).values(key=key, touched_at=func.now())
        await tx.execute(row.on_conflict_do_update(index_elements=[PackageObject.key], set_={"touched_at": func.now()}))
    if await store.size_of(objects, key) != size_bytes:
        await store.put(objects, key, file)
    return key


async def sweep(database: Database, objects: ObjectStore) -> int:
    """Delete objects that no package refers to and no upload has claimed within a day. Returns how many."""
    await _adopt(database, objects)
    async with database.read() as tx:
        orphans = (await tx.scalars(select(PackageObject.key).where(_is_orphan()).limit(AT_ONCE))).all()
    swept = 0
    for key in orphans:
        try:
            swept += await _delete(database, objects, key)
        except TryLater:
            break  # the store does not answer; the rows say what is left to do
    if swept:
        log.info("packages_swept", count=swept)
    return swept


async def _delete(database: Database, objects: ObjectStore, key: str) -> int:
    # The one call to the store within a transaction: whoever claims this key meanwhile has to wait until it is gone.
    async with database.transaction() as tx:
        row = delete(PackageObject).where(PackageObject.key == key, _is_orphan())
        if await tx.scalar(row.returning(PackageObject.key)) is None:
            return 0
        await store.delete(objects, [key])
    return 1


async def _adopt(database: Database, objects: ObjectStore) -> None:
    """Give a row to each old object that has none: those of earlier versions, and of a database that was restored."""
    async for keys in store.older_than(objects, ORPHAN_AGE):
        if keys:
            async with database.transaction() as tx:
                long_ago = func.now() - 2 * ORPHAN_AGE
                row = insert(PackageObject).values([{"key": key, "touched_at": long_ago} for key in keys])
                await tx.execute(row.on_conflict_do_nothing())


def _is_orphan() -> ColumnElement[bool]:
    is_referred_to = exists().where(Package.object_key == PackageObject.key)
    return (PackageObject.touched_at < func.now() - ORPHAN_AGE) & ~is_referred_to
