"""Uploading a package: received into a file, inspected, stored, and only then recorded.

The object store is never called inside a transaction. An upload that ends between storing and recording leaves an
object to which no package refers; `packages.objects.sweep` deletes those.
"""

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from obstore.store import ObjectStore
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect

from chassis.auth import Caller
from chassis.db import Database
from chassis.problems import Problem
from kit.uploads.refusals import DigestMismatch
from svc_miniapps.apps.models import App
from svc_miniapps.apps.registrations.service import approved_last, require_registered
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.packages import schemas
from svc_miniapps.packages.checks.inspection import Sound
from svc_miniapps.packages.checks.manifest import Expected, version_too_low
from svc_miniapps.packages.faces import Face, face_of, keep_face
from svc_miniapps.packages.findings import PackageRefused
from svc_miniapps.packages.inspection import inspect_in_turn
from svc_miniapps.packages.models import Package
from svc_miniapps.packages.objects import keep
from svc_miniapps.publishing.domains.queries import allowed_hosts, keep_domains
from svc_miniapps.publishing.quotas.service import require_room
from svc_miniapps.publishing.releases.service import open_draft, release_of


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


@dataclass(frozen=True)
class Announced:
    """What is said of a package before its bytes."""

    version_code: int
    targets: frozenset[str] = frozenset()
    """Those for which the app is registered are checked without being named."""
    sha256: str | None = None


@dataclass(frozen=True)
class Sender:
    """Who sends a package, and how their app is found."""

    person_id: UUID
    find: Callable[[AsyncSession], Awaitable[App]]
    lock: Callable[[AsyncSession], Awaitable[App]]

    @classmethod
    def of(cls, caller: Caller, app_id: UUID) -> "Sender":
        """Somebody who acts for the app's team during the whole upload."""
        return cls(caller.id, lambda tx: get_app(tx, caller, app_id), lambda tx: lock_app(tx, caller, app_id))

    @classmethod
    def of_complete(cls, person_id: UUID, app_id: UUID) -> "Sender":
        """Somebody who acted for the app's team until the last byte had come."""
        query = select(App).where(App.id == app_id)

        async def find(tx: AsyncSession) -> App:
            return (await tx.scalars(query)).one()

        async def lock(tx: AsyncSession) -> App:
            return (await tx.scalars(query.with_for_update())).one()

        return cls(person_id, find, lock)


async def upload(
    database: Database,
    objects: ObjectStore,
    sender: Sender,
    announced: Announced,
    body: AsyncIterator[bytes],
) -> Uploaded:
    """Take a package as the announced version of the sender's app and open a draft release with it.

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
        app = await sender.find(tx)
        expected = await _expected(tx, app, announced)
        known = await _package(tx, app.id, announced.version_code)
    async with _received(body) as received:
        if announced.sha256 not in {None, received.sha256}:
            raise DigestMismatch
        if known is not None:
            async with database.read() as tx:
                return await _repeated(tx, known, received)
        sound = await inspect_in_turn(received.path, expected, app.organisation_id)
        face = await asyncio.to_thread(face_of, received.path)
        key = await keep(database, objects, received.path, received.sha256, received.size_bytes)
    async with database.transaction() as tx:
        return await _record(tx, sender, expected, _Stored(received, key, sound, face))


@dataclass(frozen=True)
class _Stored:
    received: _Received
    key: str
    sound: Sound
    face: Face


async def _expected(tx: AsyncSession, app: App, announced: Announced) -> Expected:
    await require_registered(tx, app)
    latest = await _latest_version_code(tx, app.id)
    registration = await approved_last(tx, app.id)
    registered = frozenset(registration.targets if registration else ())
    return Expected(
        app.id,
        app.name,
        announced.version_code,
        latest,
        domains=await allowed_hosts(tx, app.id),
        permissions=registration.permissions if registration else None,
        languages=frozenset(app.languages),
        targets=announced.targets | registered,
        registered_targets=registered,
    )


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


async def _record(tx: AsyncSession, sender: Sender, expected: Expected, stored: _Stored) -> Uploaded:
    app, version_code = await sender.lock(tx), stored.sound.version_code
    # Another upload of this app may have been quicker.
    if known := await _package(tx, app.id, version_code):
        return await _repeated(tx, known, stored.received)
    latest = await _latest_version_code(tx, app.id)
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
        uploaded_by=sender.person_id,
    )
    tx.add(package)
    await tx.flush()
    await keep_face(tx, package.id, stored.face, expected.targets)
    await keep_domains(tx, package.id, stored.sound.domains)
    release = await open_draft(tx, app, package)
    return Uploaded(schemas.Package.of(package, release.id), is_new=True)
