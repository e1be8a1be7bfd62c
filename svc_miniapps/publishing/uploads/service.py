"""Uploading a package: received into a file, inspected, stored, and only then recorded.

The object store is never called inside a transaction. An upload that ends between storing and recording leaves an
orphaned object; `sweep` deletes those.
"""

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from obstore.store import ObjectStore
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect

from chassis.auth import Caller
from chassis.db import Database, new_id
from chassis.problems import Problem
from chassis.telemetry import log
from kit.uploads.refusals import DigestMismatch
from svc_miniapps.apps.registrations.service import approved_last, require_registered
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.packages import schemas, store
from svc_miniapps.packages.checks.inspection import Sound
from svc_miniapps.packages.checks.manifest import Expected, version_too_low
from svc_miniapps.packages.faces import Face, face_of, keep_face
from svc_miniapps.packages.findings import PackageRefused
from svc_miniapps.packages.inspection import inspect_in_turn
from svc_miniapps.packages.models import Package
from svc_miniapps.publishing.domains.queries import allowed_hosts, keep_domains
from svc_miniapps.publishing.quotas.service import require_room
from svc_miniapps.publishing.releases.service import open_draft, release_of

ORPHAN_AGE = timedelta(days=1)
"""Far longer than any upload takes, so that no upload in progress is swept."""


class UploadCutShort(Problem):
    status, code = 400, "upload_cut_short"


class VersionTaken(Problem):
    status, code = 409, "version_taken"


@dataclass(frozen=True)
class _Received:
    """An uploaded file on local disk."""

    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Uploaded:
    package: schemas.Package
    is_new: bool
    """False when the same file was uploaded as this version before."""


async def upload(
    database: Database,
    objects: ObjectStore,
    caller: Caller,
    app_id: UUID,
    version_code: int,
    body: AsyncIterator[bytes],
    sha256: str | None = None,
) -> Uploaded:
    """Take a package as this version of the app and open a draft release with it.

    Raises:
        NotFound: no such app, or it is another team's.
        PackageRefused: with everything that is wrong with the file.
        VersionTaken: this version was uploaded before, with other content.
        UploadCutShort: the client went away before the end of the file.
        DigestMismatch: the file does not fit the digest that was announced.
        UploadQuotaReached, StorageQuotaReached: the team has no room for it.
        TryLater: too many packages are being checked.
    """
    async with database.read() as tx:
        expected, team = await _expected(tx, caller, app_id, version_code)
        known = await _package(tx, app_id, version_code)
    async with _received(body) as received:
        if sha256 not in {None, received.sha256}:
            raise DigestMismatch
        if known is not None:
            async with database.read() as tx:
                return await _repeated(tx, known, received)
        sound = await inspect_in_turn(received.path, expected, team)
        face = await asyncio.to_thread(face_of, received.path)
        # The key is this upload's own: no other upload's object, and no sweep of an older one, can come between.
        key = f"{store.FOLDER}/{received.sha256}/{new_id()}.ma"
        await store.put(objects, key, received.path)
    async with database.transaction() as tx:
        return await _record(tx, caller, app_id, version_code, _Stored(received, key, sound, face))


@dataclass(frozen=True)
class _Stored:
    received: _Received
    key: str
    sound: Sound
    face: Face


async def _expected(tx: AsyncSession, caller: Caller, app_id: UUID, version_code: int) -> tuple[Expected, UUID]:
    """What the package must be, and whose it is."""
    app = await get_app(tx, caller, app_id)
    await require_registered(tx, app)
    latest = await _latest_version_code(tx, app_id)
    registration = await approved_last(tx, app.id)
    expected = Expected(
        app.id,
        app.name,
        version_code,
        latest,
        domains=await allowed_hosts(tx, app.id),
        permissions=registration.permissions if registration else None,
        languages=frozenset(app.languages),
    )
    return expected, app.organisation_id


async def _latest_version_code(tx: AsyncSession, app_id: UUID) -> int:
    return await tx.scalar(select(func.max(Package.version_code)).where(Package.app_id == app_id)) or 0


async def _package(tx: AsyncSession, app_id: UUID, version_code: int) -> Package | None:
    return await tx.scalar(select(Package).where(Package.app_id == app_id, Package.version_code == version_code))


@contextlib.asynccontextmanager
async def _received(body: AsyncIterator[bytes]) -> AsyncIterator[_Received]:
    """The body in a temporary file, never as a whole in memory."""
    digest = hashlib.sha256()
    size = 0
    with tempfile.NamedTemporaryFile(suffix=".ma") as file:
        try:
            async for chunk in body:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
        except ClientDisconnect:
            raise UploadCutShort from None
        file.flush()
        yield _Received(Path(file.name), digest.hexdigest(), size)


async def _repeated(tx: AsyncSession, known: Package, received: _Received) -> Uploaded:
    if known.sha256 != received.sha256:
        raise VersionTaken(version_code=known.version_code)
    release_id = await release_of(tx, known.id)
    return Uploaded(schemas.Package.of(known, release_id), is_new=False)


async def _record(tx: AsyncSession, caller: Caller, app_id: UUID, version_code: int, stored: _Stored) -> Uploaded:
    app = await lock_app(tx, caller, app_id)
    # Another upload of this app may have been quicker.
    if known := await _package(tx, app_id, version_code):
        return await _repeated(tx, known, stored.received)
    latest = await _latest_version_code(tx, app_id)
    if version_code <= latest:
        raise PackageRefused([version_too_low(latest)])
    await require_room(tx, app, stored.received.size_bytes)
    package = Package(
        app_id=app.id,
        version_code=version_code,
        version_name=stored.sound.version_name,
        sha256=stored.received.sha256,
        size_bytes=stored.received.size_bytes,
        object_key=stored.key,
        uploaded_by=caller.id,
    )
    tx.add(package)
    await tx.flush()
    await keep_face(tx, package.id, stored.face)
    await keep_domains(tx, package.id, stored.sound.domains)
    release = await open_draft(tx, app, package)
    return Uploaded(schemas.Package.of(package, release.id), is_new=True)


async def sweep(database: Database, objects: ObjectStore) -> int:
    """Delete objects that no package refers to and that are older than any upload lasts. Returns how many."""
    swept = 0
    async for keys in store.older_than(objects, ORPHAN_AGE):
        async with database.read() as tx:
            known = set(await tx.scalars(select(Package.object_key).where(Package.object_key.in_(keys))))
        orphans = [key for key in keys if key not in known]
        if orphans:
            await store.delete(objects, orphans)
            swept += len(orphans)
    if swept:
        log.info("packages_swept", count=swept)
    return swept
