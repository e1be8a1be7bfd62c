"""Complete files are checked by their bytes, stored, and kept or refused, once each."""

import hashlib
from functools import partial
from uuid import UUID

import anyio.to_thread
from anyio import CapacityLimiter
from obstore.store import ObjectStore
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.problems import NotFound, Problem
from kit import objects
from kit.files.documents import DocumentType, checked
from kit.uploads.outcomes import kept
from kit.uploads.parts import content_of, forget_content
from kit.uploads.refusals import DigestMismatch
from svc_services.cases.materials.models import TABLES, Material, MaterialStatus, RemovedObject

_AT_ONCE = CapacityLimiter(2)
"""A check costs up to some seconds of a core."""


async def finish(database: Database, store: ObjectStore, material_id: UUID) -> None:
    """Check and store a complete file. Idempotent: several at once do the same, and the first one's outcome stays.

    Raises:
        NotFound: it was deleted meanwhile.
        TryLater: the store is away; the worker tries again.
    """
    async with database.read() as tx:
        material = await tx.get(Material, material_id)
        if material is None:
            raise NotFound
        if material.status != MaterialStatus.RECEIVED:
            return
        content = b"".join([piece async for piece in content_of(tx, TABLES, material_id)])
    digest = hashlib.sha256(content).hexdigest()
    try:
        media_type = await _type_of(content, digest, material.sha256)
    except Problem as refusal:
        async with database.transaction() as tx:
            await _refuse(tx, material_id, refusal)
        return
    await objects.put(store, material.object_key, content)
    async with database.transaction() as tx:
        await _keep(tx, material, media_type, digest)


async def _type_of(content: bytes, digest: str, announced: str | None) -> DocumentType:
    if announced not in {None, digest}:
        raise DigestMismatch
    return await anyio.to_thread.run_sync(partial(checked, content), limiter=_AT_ONCE)


async def _keep(tx: AsyncSession, stored: Material, media_type: DocumentType, digest: str) -> None:
    material = await tx.get(Material, stored.id, with_for_update={"key_share": True})
    if material is None:
        # Deleted while it was being stored, perhaps after the worker had deleted the object.
        row = {"object_key": stored.object_key, "removed_at": now()}
        await tx.execute(insert(RemovedObject).values(row).on_conflict_do_nothing())
    elif material.status == MaterialStatus.RECEIVED:
        material.move_to(MaterialStatus.KEPT)
        material.media_type, material.sha256, material.touched_at = media_type, digest, now()
        await forget_content(tx, TABLES, material.id)


async def _refuse(tx: AsyncSession, material_id: UUID, refusal: Problem) -> None:
    material = await tx.get(Material, material_id, with_for_update={"key_share": True})
    if material is not None and material.status == MaterialStatus.RECEIVED:
        material.move_to(MaterialStatus.REFUSED)
        material.refusal, material.touched_at = kept(refusal), now()
        await forget_content(tx, TABLES, material_id)
