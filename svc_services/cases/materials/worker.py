"""What is done to materials on a schedule: what a crash left, scans, and what nobody uses."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

from obstore.store import ObjectStore
from sqlalchemy import delete, exists, func, or_, select, union, update

from chassis.db import Database, now
from chassis.problems import NotFound, TryLater
from chassis.telemetry import log
from kit import objects
from kit.leases import claimable
from kit.scanning import Scanner, ScannerUnavailableError
from kit.uploads.outcomes import kept
from svc_services.cases.materials import service
from svc_services.cases.materials.models import (
    ApplicationMaterial,
    Material,
    MaterialStatus,
    MaterialUse,
    RemovedObject,
)
from svc_services.cases.materials.reception import finish
from svc_services.cases.materials.refusals import MaterialInfected

_LEFT_AFTER = timedelta(seconds=30)
_SCAN_AGAIN = timedelta(minutes=2)
_AT_ONCE = 100
_USES = (ApplicationMaterial, MaterialUse)


async def finish_left(database: Database, store: ObjectStore) -> None:
    """Check and store complete files that no process works on, as after a crash."""
    left = select(Material.id).where(
        Material.status == MaterialStatus.RECEIVED, Material.touched_at < func.now() - _LEFT_AFTER
    )
    oldest = claimable(left, Material.touched_at, limit=1, key_share=True).scalar_subquery()
    claim = update(Material).where(Material.id == oldest).values(touched_at=func.now()).returning(Material.id)
    while True:
        async with database.transaction() as tx:
            material_id: UUID | None = await tx.scalar(claim)
        if material_id is None:
            return
        try:
            await finish(database, store, material_id)
        except (NotFound, TryLater) as refusal:
            log.info("material_not_stored", material_id=str(material_id), code=refusal.code)


async def scan_due(database: Database, store: ObjectStore, scanner: Scanner) -> None:
    """Let the scanner look at what it has not seen. Where it is away, the files wait, and nobody else opens them."""
    due = select(Material.id).where(
        Material.status == MaterialStatus.KEPT, Material.scanned_at.is_(None), Material.scan_at <= func.now()
    )
    oldest = claimable(due, Material.scan_at, limit=1, key_share=True).scalar_subquery()
    claim = update(Material).where(Material.id == oldest).values(scan_at=func.now() + _SCAN_AGAIN)
    while True:
        async with database.transaction() as tx:
            material: Material | None = await tx.scalar(claim.returning(Material))
        if material is None:
            return
        try:
            content = await objects.get(store, material.object_key)
            clean = await scanner.is_clean(_pieces(content))
        except (ScannerUnavailableError, TryLater) as error:
            log.warning("material_not_scanned", material_id=str(material.id), error=type(error).__name__)
            return
        await _note_verdict(database, material.id, clean=clean)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _note_verdict(database: Database, material_id: UUID, *, clean: bool) -> None:
    async with database.transaction() as tx:
        material = await tx.get(Material, material_id, with_for_update={"key_share": True})
        if material is None or material.status != MaterialStatus.KEPT:
            return
        material.scanned_at = now()
        if clean:
            return
        log.error("material_infected", material_id=str(material_id))
        material.move_to(MaterialStatus.REFUSED)
        material.refusal, material.touched_at = kept(MaterialInfected()), now()
        tx.add(RemovedObject(object_key=material.object_key))


async def forget_old(database: Database) -> None:
    """Delete what was abandoned, refused or never used, each after its time."""
    used = or_(*(exists().where(table.material_id == Material.id) for table in _USES))
    waited = {
        service.UNFINISHED: Material.status == MaterialStatus.RECEIVING,
        service.REFUSED: (Material.status == MaterialStatus.REFUSED) & ~used,
        service.UNUSED: (Material.status == MaterialStatus.KEPT) & ~used,
    }
    old = or_(*(which & (Material.touched_at < func.now() - age) for age, which in waited.items()))
    while True:
        async with database.transaction() as tx:
            query = claimable(select(Material).where(old), Material.touched_at, limit=_AT_ONCE)
            materials = [*(await tx.scalars(query)).all()]
            # One that was attached before its row was locked is used by now.
            ids = [each.id for each in materials]
            attached = union(*(select(table.material_id).where(table.material_id.in_(ids)) for table in _USES))
            taken = set((await tx.scalars(attached)).all())
            await service.delete_all(tx, [each for each in materials if each.id not in taken])
        if len(materials) < _AT_ONCE:
            return


async def remove_objects(database: Database, store: ObjectStore) -> None:
    """Delete stored files that nothing names any more."""
    async with database.read() as tx:
        keys = (await tx.scalars(select(RemovedObject.object_key).limit(_AT_ONCE))).all()
    if not keys:
        return
    await objects.delete(store, keys)
    async with database.transaction() as tx:
        await tx.execute(delete(RemovedObject).where(RemovedObject.object_key.in_(keys)))
