"""Materials that complaints and meter readings use. Whoever adds one holds the lock on what uses it."""

from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound
from kit.files.documents import DocumentType
from svc_services.cases.materials import schemas
from svc_services.cases.materials.attached import attached_material
from svc_services.cases.materials.models import Material, MaterialStatus, MaterialUse, MaterialUser
from svc_services.cases.materials.refusals import MaterialNotReady, NoPicture, TooManyAttached

MOST_FILES = 10
"""Of one complaint."""


async def use(tx: AsyncSession, person_id: UUID, used_by: MaterialUser, subject_id: UUID, material_id: UUID) -> None:
    """Use a material of one's own in what is locked. Idempotent.

    Raises:
        NotFound, MaterialNotReady, TooManyAttached
        NoPicture: a reading is shown by a picture.
    """
    # The share lock keeps the material from being deleted meanwhile.
    material = await tx.get(Material, material_id, with_for_update={"read": True})
    if material is None or material.person_id != person_id:
        raise NotFound
    if material.status != MaterialStatus.KEPT:
        raise MaterialNotReady
    if used_by == MaterialUser.READING and material.media_type == DocumentType.PDF:
        raise NoPicture
    if await tx.get(MaterialUse, (used_by, subject_id, material_id)):
        return
    used = select(func.count()).where(MaterialUse.used_by == used_by, MaterialUse.subject_id == subject_id)
    if (await tx.scalar(used) or 0) >= MOST_FILES:
        raise TooManyAttached(most_files=MOST_FILES)
    tx.add(MaterialUse(used_by=used_by, subject_id=subject_id, material_id=material_id))
    await tx.flush()


async def used(tx: AsyncSession, used_by: MaterialUser, subject_id: UUID) -> list[schemas.AttachedMaterial]:
    rows = await tx.execute(_kept_for(used_by, subject_id).order_by(MaterialUse.attached_at, Material.id))
    return [attached_material(material, row.attached_at) for material, row in rows]


async def used_material(tx: AsyncSession, used_by: MaterialUser, subject_id: UUID, material_id: UUID) -> Material:
    """A material that this complaint or reading uses.

    Raises:
        NotFound
    """
    query = _kept_for(used_by, subject_id).with_only_columns(Material).where(Material.id == material_id)
    material: Material | None = await tx.scalar(query)
    if material is None:
        raise NotFound
    return material


def _kept_for(used_by: MaterialUser, subject_id: UUID) -> Select[Material, MaterialUse]:
    mine = (MaterialUse.used_by == used_by) & (MaterialUse.subject_id == subject_id)
    return select(Material, MaterialUse).join(MaterialUse).where(mine, Material.status == MaterialStatus.KEPT)
