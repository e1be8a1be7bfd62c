"""Packages uploaded in several requests (draft-ietf-httpbis-resumable-upload), and taken in as those of one request."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from obstore.store import ObjectStore
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.problems import NotFound, Problem
from kit.uploads import service as uploads
from kit.uploads.headers import state_of
from kit.uploads.outcomes import again, kept
from kit.uploads.parts import content_of, forget_content, locked
from kit.uploads.refusals import DigestMismatch
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.packages import schemas as packages
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.findings import PackageRefused
from svc_miniapps.packages.models import Package
from svc_miniapps.publishing.releases.service import release_of
from svc_miniapps.publishing.uploads import schemas
from svc_miniapps.publishing.uploads.models import TABLES, PackageUpload, UploadStatus
from svc_miniapps.publishing.uploads.service import Announced, Sender, VersionTaken, upload

MOST_OPEN = 5
"""Of one app; with the largest package this bounds the room that it takes."""
KEPT = timedelta(days=1)
"""How long an upload can be continued, or its outcome read, since it was last touched."""

LONGEST_CHECK = timedelta(minutes=10)
"""After which nobody is at work on a complete file any more; a request has two."""
AT_ONCE = 20


class TooManyUploads(Problem):
    status, code = 409, "too_many_package_uploads"


async def create(tx: AsyncSession, caller: Caller, app_id: UUID, new: schemas.NewPackageUpload) -> PackageUpload:
    """Announce a package; its bytes come by requests that append.

    Raises:
        NotFound: no such app, or it is another team's.
        TooManyUploads: the app has too many that are not finished.
    """
    app = await lock_app(tx, caller, app_id)
    is_open = PackageUpload.status.in_([UploadStatus.RECEIVING, UploadStatus.RECEIVED])
    if (await tx.scalar(select(func.count()).where(PackageUpload.app_id == app.id, is_open)) or 0) >= MOST_OPEN:
        raise TooManyUploads(most=MOST_OPEN)
    begun = PackageUpload(app_id=app.id, begun_by=caller.id, touched_at=now(), **new.model_dump())
    tx.add(begun)
    await tx.flush()
    return begun


async def own(tx: AsyncSession, caller: Caller, app_id: UUID, upload_id: UUID) -> PackageUpload:
    app = await get_app(tx, caller, app_id)
    found = await tx.get(PackageUpload, upload_id)
    if found is None or found.app_id != app.id:
        raise NotFound
    return found


async def own_locked(tx: AsyncSession, caller: Caller, app_id: UUID, upload_id: UUID) -> PackageUpload:
    await own(tx, caller, app_id, upload_id)
    found = await locked(tx, TABLES, upload_id)
    await tx.refresh(found)
    return found


async def offset_of(tx: AsyncSession, caller: Caller, app_id: UUID, upload_id: UUID) -> PackageUpload:
    """Where to go on; an earlier request that is still open can append no more."""
    found = await own_locked(tx, caller, app_id, upload_id)
    found.appender = None
    return found


async def append(
    database: Database,
    caller: Caller,
    place: tuple[UUID, UUID],
    headers: Mapping[str, str],
    pieces: AsyncIterator[bytes],
) -> bool:
    """Append to the upload of this app and this id. Returns whether it is complete.

    Raises:
        Problem: why the request does not go on with it, as `kit.uploads.service` has it.
    """
    return await uploads.append(database, TABLES, lambda tx: own_locked(tx, caller, *place), headers, pieces)


async def finish_received(database: Database, objects: ObjectStore) -> int:
    """Take in complete files whose last request ended before it could, as its process was killed. Returns how many."""
    async with database.read() as tx:
        left = PackageUpload.status == UploadStatus.RECEIVED, PackageUpload.touched_at < func.now() - LONGEST_CHECK
        query = select(PackageUpload.id, PackageUpload.app_id, PackageUpload.begun_by).where(*left)
        found = (await tx.execute(query.order_by(PackageUpload.touched_at).limit(AT_ONCE))).all()
    for upload_id, app_id, begun_by in found:
        with contextlib.suppress(Problem):  # a refusal is kept for whoever asks, and what cannot be done now is left
            await finish(database, objects, Sender.of_complete(begun_by, app_id), upload_id)
    return len(found)


async def finish(database: Database, objects: ObjectStore, sender: Sender, upload_id: UUID) -> packages.Package:
    """Take in a complete file. Idempotent: several at once do the same, and the first one's outcome stays.

    Raises:
        PackageRefused, VersionTaken, DigestMismatch: also again, for a repeated request.
    """
    async with database.read() as tx:
        begun = await tx.get_one(PackageUpload, upload_id)
        if begun.status != UploadStatus.RECEIVED:
            return await _outcome(tx, begun)
    try:
        announced = Announced(begun.version_code, frozenset(begun.targets), begun.sha256)
        taken = await upload(database, objects, sender, announced, _content(database, upload_id))
    except (PackageRefused, VersionTaken, DigestMismatch) as refusal:
        await _end(database, upload_id, UploadStatus.REFUSED, refusal=_kept(refusal))
    else:
        await _end(database, upload_id, UploadStatus.ACCEPTED, package_id=taken.package.package_id)
    async with database.read() as tx:
        return await _outcome(tx, await tx.get_one(PackageUpload, upload_id))


async def _content(database: Database, upload_id: UUID) -> AsyncIterator[bytes]:
    async with database.read() as tx:
        async for piece in content_of(tx, TABLES, upload_id):
            yield piece


async def _end(database: Database, upload_id: UUID, status: UploadStatus, **outcome: Any) -> None:  # noqa: ANN401
    async with database.transaction() as tx:
        begun = await locked(tx, TABLES, upload_id)
        if begun.status == UploadStatus.RECEIVED:
            begun.move_to(status)
            begun.touched_at = now()
            for name, value in outcome.items():
                setattr(begun, name, value)
            await forget_content(tx, TABLES, upload_id)


def _kept(refusal: Problem) -> dict[str, Any]:
    if not isinstance(refusal, PackageRefused):
        return kept(refusal)
    return {"findings": [[each.code, each.member, dict(each.values)] for each in refusal.findings]}


async def _outcome(tx: AsyncSession, ended: PackageUpload) -> packages.Package:
    if ended.refusal is not None and "findings" in ended.refusal:
        raise PackageRefused([Finding(*parts) for parts in ended.refusal["findings"]])
    if ended.refusal is not None:
        raise again(ended.refusal)
    if ended.package_id is None:  # still being received
        raise NotFound
    return await _package(tx, ended.package_id)


async def _package(tx: AsyncSession, package_id: UUID) -> packages.Package:
    return packages.Package.of(await tx.get_one(Package, package_id), await release_of(tx, package_id))


async def shown(tx: AsyncSession, begun: PackageUpload) -> schemas.PackageUpload:
    return schemas.PackageUpload(
        upload_id=begun.id,
        app_id=begun.app_id,
        version_code=begun.version_code,
        status=begun.status,
        received_bytes=begun.received,
        length=begun.length or 0,
        package=await _package(tx, begun.package_id) if begun.package_id else None,
        created_at=begun.created_at,
    )


def state_headers(begun: PackageUpload) -> dict[str, str]:
    left = begun.touched_at + KEPT - now()
    return state_of(begun, TABLES.most_bytes, int(left.total_seconds()))


async def forget_open(tx: AsyncSession, app_id: UUID) -> None:
    """Delete the unfinished uploads of an app whose team changes; the app is locked by the caller."""
    unfinished = PackageUpload.status.in_([UploadStatus.RECEIVING, UploadStatus.RECEIVED])
    await tx.execute(delete(PackageUpload).where(PackageUpload.app_id == app_id, unfinished))


async def forget_old(database: Database) -> None:
    """Delete uploads that nobody continued, and outcomes that were long there to be read."""
    async with database.transaction() as tx:
        await tx.execute(delete(PackageUpload).where(PackageUpload.touched_at < func.now() - KEPT))
