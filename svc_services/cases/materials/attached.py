"""Which materials an application uses. Whoever changes that holds the lock on the application's row."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound
from svc_services.accounts.readings.models import forget_photos
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.materials import schemas
from svc_services.cases.materials.models import ApplicationMaterial, Material, MaterialStatus, MaterialUse
from svc_services.cases.materials.refusals import (
    ApplicationFull,
    MaterialNotReady,
    MaterialsClosed,
    MaterialsMissing,
)
from svc_services.cases.workflows.definition import Actor, WorkflowDefinition
from svc_services.cases.workflows.models import Workflow

MOST_FILES = 20
MOST_BYTES = 50 * 1024 * 1024
"""Of one application."""


async def attach(
    tx: AsyncSession, person_id: UUID, application_id: UUID, material_id: UUID
) -> schemas.AttachedMaterial:
    """Use a material of one's own in an application of one's own. Idempotent.

    Raises:
        MaterialsClosed: the case is with somebody else.
        MaterialNotReady, ApplicationFull
    """
    case = await _open_to(tx, person_id, application_id)
    # The share lock keeps the material from being deleted meanwhile.
    material = await tx.get(Material, material_id, with_for_update={"read": True})
    if material is None or material.person_id != person_id:
        raise NotFound
    if material.status != MaterialStatus.KEPT:
        raise MaterialNotReady
    if (existing := await tx.get(ApplicationMaterial, (application_id, material_id))) is None:
        await _require_room(tx, case, material)
        existing = ApplicationMaterial(application_id=application_id, material_id=material_id)
        tx.add(existing)
        await tx.flush()
    return attached_material(material, existing.attached_at)


async def detach(tx: AsyncSession, person_id: UUID, application_id: UUID, material_id: UUID) -> None:
    """Take a material out of a draft; what was filed stays."""
    case = await _open_to(tx, person_id, application_id)
    if case.status != CaseStatus.DRAFT:
        raise MaterialsClosed
    used = await tx.get(ApplicationMaterial, (application_id, material_id))
    if used is None:
        raise NotFound
    material = await tx.get_one(Material, material_id)
    material.touched_at = func.now()
    await tx.delete(used)


async def of_application(tx: AsyncSession, application_id: UUID) -> list[schemas.AttachedMaterial]:
    query = select(Material, ApplicationMaterial).join(ApplicationMaterial).where(_kept_for(application_id))
    rows = await tx.execute(query.order_by(ApplicationMaterial.attached_at, Material.id))
    return [attached_material(material, used.attached_at) for material, used in rows]


async def require_materials(tx: AsyncSession, case: Application, rules: WorkflowDefinition) -> None:
    """Check that an application has every material that its workflow needs.

    Raises:
        MaterialsMissing
    """
    if not any(each.required for each in rules.materials):
        return
    query: Select[str] = select(Material.kind).join(ApplicationMaterial).where(_kept_for(case.id))
    require_kinds(rules, set((await tx.scalars(query.with_for_update(read=True, of=Material))).all()))


def require_kinds(rules: WorkflowDefinition, given: Collection[str]) -> None:
    """Refuse what lacks a material that the workflow needs.

    Raises:
        MaterialsMissing
    """
    needed = {each.kind for each in rules.materials if each.required}
    if missing := sorted(needed.difference(given)):
        raise MaterialsMissing(missing=missing)


async def is_used(tx: AsyncSession, material_id: UUID) -> bool:
    """Whether anything uses a material, be it a draft."""
    used = exists().where(ApplicationMaterial.material_id == material_id)
    held = exists().where(MaterialUse.material_id == material_id)
    return bool(await tx.scalar(select(used | held)))


async def material_of(tx: AsyncSession, application_id: UUID, material_id: UUID) -> Material:
    """A material that this application uses."""
    query = select(Material).join(ApplicationMaterial).where(_kept_for(application_id), Material.id == material_id)
    material: Material | None = await tx.scalar(query)
    if material is None:
        raise NotFound
    return material


async def forget_of(tx: AsyncSession, material_ids: Collection[UUID]) -> None:
    for table in (ApplicationMaterial, MaterialUse):
        await tx.execute(delete(table).where(table.material_id.in_(material_ids)))
    await forget_photos(tx, material_ids)


async def is_filed(tx: AsyncSession, material_id: UUID) -> bool:
    """Whether a filed application, a complaint or a reading uses a material."""
    filed = exists().where(
        ApplicationMaterial.application_id == Application.id,
        ApplicationMaterial.material_id == material_id,
        Application.status != CaseStatus.DRAFT,
    )
    held = exists().where(MaterialUse.material_id == material_id)
    return bool(await tx.scalar(select(filed | held)))


async def _open_to(tx: AsyncSession, person_id: UUID, application_id: UUID) -> Application:
    """The caller's application, locked, while it is a draft or is with them."""
    case = await tx.get(Application, application_id, with_for_update=True)
    if case is None or case.person_id != person_id:
        raise NotFound
    if case.status == CaseStatus.DRAFT:
        return case
    rules = (await tx.get_one(Workflow, case.workflow_id)).rules
    if case.status == CaseStatus.ENDED or rules.state(str(case.state)).held_by != Actor.CITIZEN:
        raise MaterialsClosed
    return case


async def _require_room(tx: AsyncSession, case: Application, further: Material) -> None:
    used = select(func.count(), func.sum(Material.length)).join_from(ApplicationMaterial, Material)
    files, size = (await tx.execute(used.where(ApplicationMaterial.application_id == case.id))).one()
    if files >= MOST_FILES or (size or 0) + (further.length or 0) > MOST_BYTES:
        raise ApplicationFull(most_files=MOST_FILES, most_bytes=MOST_BYTES)


def _kept_for(application_id: UUID) -> ColumnElement[bool]:
    return (ApplicationMaterial.application_id == application_id) & (Material.status == MaterialStatus.KEPT)


def attached_material(material: Material, attached_at: datetime) -> schemas.AttachedMaterial:
    return schemas.AttachedMaterial(
        material_id=material.id,
        kind=material.kind,
        media_type=str(material.media_type),
        length=material.length or 0,
        sha256=str(material.sha256),
        scanned=material.scanned_at is not None,
        attached_at=attached_at,
    )
