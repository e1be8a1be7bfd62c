"""Files that a person hands in: begun, continued, read and deleted by their owner alone."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.problems import NotFound
from kit.scanning import OFF
from kit.uploads import service as uploads
from kit.uploads.headers import state_of
from kit.uploads.outcomes import again
from kit.uploads.parts import locked
from svc_services.base import lock
from svc_services.cases.materials import attached, schemas
from svc_services.cases.materials.models import TABLES, Material, MaterialStatus, RemovedObject
from svc_services.cases.materials.refusals import MaterialInUse, TooManyMaterials

MOST_FILES = 200
MOST_BYTES = 300 * 1024 * 1024
"""Of one person, as announced, so that uploads at once cannot pass it together."""
UNFINISHED = timedelta(days=1)
UNUSED = timedelta(days=30)
REFUSED = timedelta(days=7)
"""How long a material is kept since it was last touched."""


async def create(tx: AsyncSession, person_id: UUID, new: schemas.NewMaterial) -> Material:
    """Announce a file; its bytes come by requests that append.

    Raises:
        TooManyMaterials
    """
    await lock(tx, "materials of", person_id)
    held = select(func.count(), func.sum(Material.length)).where(
        Material.person_id == person_id, Material.status != MaterialStatus.REFUSED
    )
    files, size = (await tx.execute(held)).one()
    if files >= MOST_FILES or (size or 0) + new.length > MOST_BYTES:
        raise TooManyMaterials(most_files=MOST_FILES, most_bytes=MOST_BYTES)
    material = Material(person_id=person_id, kind=new.kind, length=new.length, sha256=new.sha256, touched_at=now())
    tx.add(material)
    await tx.flush()
    return material


async def append(
    database: Database, person_id: UUID, material_id: UUID, headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> bool:
    """Append to a file. Returns whether it is complete."""

    async def find(tx: AsyncSession) -> Material:
        return await _locked(tx, person_id, material_id)

    return await uploads.append(database, TABLES, find, headers, pieces)


async def offset_of(tx: AsyncSession, person_id: UUID, material_id: UUID) -> Material:
    """Where to go on; an earlier request that is still open can append no more."""
    material = await _locked(tx, person_id, material_id)
    material.appender = None
    return material


async def own(tx: AsyncSession, person_id: UUID, material_id: UUID) -> Material:
    material = await tx.get(Material, material_id)
    if material is None or material.person_id != person_id:
        raise NotFound
    return material


async def remove(tx: AsyncSession, person_id: UUID, material_id: UUID) -> None:
    """Delete a file; drafts that use it lose it.

    Raises:
        MaterialInUse
    """
    material = await _locked(tx, person_id, material_id, for_deletion=True)
    if await attached.is_filed(tx, material.id):
        raise MaterialInUse
    await delete_all(tx, [material])


async def delete_all(tx: AsyncSession, materials: list[Material]) -> None:
    """Delete files whose rows are locked, and let the worker delete what is stored of them."""
    if not materials:
        return
    await attached.forget_of(tx, [each.id for each in materials])
    rows = [{"object_key": each.object_key, "removed_at": now()} for each in materials]
    await tx.execute(insert(RemovedObject).values(rows).on_conflict_do_nothing())
    for material in materials:
        await tx.delete(material)
    await tx.flush()


async def erase_of_person(tx: AsyncSession, person_id: UUID) -> None:
    """Delete all files of a person who has closed their account, also those of filed applications."""
    theirs = select(Material).where(Material.person_id == person_id).order_by(Material.id).with_for_update()
    await delete_all(tx, [*(await tx.scalars(theirs)).all()])


async def _locked(tx: AsyncSession, person_id: UUID, material_id: UUID, *, for_deletion: bool = False) -> Material:
    # Deleting excludes those who attach it, who hold a share lock; appending does not change the key.
    if for_deletion:
        material = await tx.get(Material, material_id, with_for_update=True)
    else:
        material = await locked(tx, TABLES, material_id)
    if material is None or material.person_id != person_id:
        raise NotFound
    return material


def state_headers(material: Material) -> dict[str, str]:
    left = material.touched_at + UNFINISHED - now()
    return state_of(material, TABLES.most_bytes, int(left.total_seconds()))


def shown(material: Material, scanner: str, language: str) -> schemas.Material:
    return schemas.Material(
        material_id=material.id,
        kind=material.kind,
        status=material.status,
        received_bytes=material.received,
        length=material.length or 0,
        media_type=material.media_type,
        sha256=material.sha256,
        scan=scan_of(material, scanner),
        problem=again(material.refusal).render(language) if material.refusal else None,
        created_at=material.created_at,
    )


def scan_of(material: Material, scanner: str) -> str | None:
    """What is known of malware in a stored file; None before it is stored."""
    if material.scanned_at is not None:
        return "infected" if material.status == MaterialStatus.REFUSED else "clean"
    if material.status != MaterialStatus.KEPT:
        return None
    return "off" if scanner == OFF else "pending"
