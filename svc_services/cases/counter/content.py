"""What would be filed, and its digest, to which a confirmation is bound."""

import hashlib
import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound
from svc_services.cases.applications.refusals import NoWorkflow
from svc_services.cases.counter import schemas
from svc_services.cases.counter.models import CounterFiling, CounterFilingMaterial
from svc_services.cases.counter.refusals import MaterialElsewhere
from svc_services.cases.materials.attached import MOST_BYTES, MOST_FILES, is_used
from svc_services.cases.materials.models import Material, MaterialStatus
from svc_services.cases.materials.refusals import ApplicationFull, MaterialNotReady
from svc_services.cases.materials.service import delete_all
from svc_services.cases.workflows.service import newest_of
from svc_services.providers.applications.models import Provider

_SAME = ("provider_id", "kind", "division_code", "account_number", "form")


async def materials_of(tx: AsyncSession, filing: CounterFiling, *, locked: bool = False) -> list[Material]:
    query = (
        select(Material)
        .join(CounterFilingMaterial)
        .where(CounterFilingMaterial.filing_id == filing.id, Material.status == MaterialStatus.KEPT)
        .order_by(Material.id)
    )
    return [*(await tx.scalars(query.with_for_update(of=Material) if locked else query)).all()]


async def content_of(tx: AsyncSession, filing: CounterFiling, *, locked: bool = False) -> schemas.FilingContent:
    """What would be filed.

    Raises:
        NoWorkflow
    """
    workflow = await newest_of(tx, (await tx.get_one(Provider, filing.provider_id)).kind, filing.kind)
    if workflow is None:
        raise NoWorkflow(kind=str(filing.kind))
    materials = await materials_of(tx, filing, locked=locked)
    named = {*workflow.form.get("properties", {}), *(each.kind for each in materials)}
    said = {
        **{name: getattr(filing, name) for name in _SAME},
        "filing_id": filing.id,
        "workflow_id": workflow.id,
        "materials": [(each.id, each.kind, each.sha256) for each in materials],
    }
    plain = json.dumps(said, default=str, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return schemas.FilingContent(
        account_number=filing.account_number,
        form=filing.form,
        materials=[shown_material(each) for each in materials],
        labels={name: label for name, label in workflow.rules.labels.items() if name in named},
        digest=hashlib.sha256(plain.encode()).hexdigest(),
    )


async def add_material(tx: AsyncSession, filing: CounterFiling, material: Material) -> None:
    """Add a file of the clerk's to a filing. Both rows are locked.

    Raises:
        MaterialNotReady, MaterialElsewhere, ApplicationFull
    """
    if material.status != MaterialStatus.KEPT:
        raise MaterialNotReady
    by_material = select(CounterFilingMaterial.filing_id).where(CounterFilingMaterial.material_id == material.id)
    held_by = await tx.scalar(by_material)
    if held_by == filing.id:
        return
    if held_by is not None or await is_used(tx, material.id):
        raise MaterialElsewhere
    held = await materials_of(tx, filing)
    size = sum(each.length or 0 for each in (*held, material))
    if len(held) >= MOST_FILES or size > MOST_BYTES:
        raise ApplicationFull(most_files=MOST_FILES, most_bytes=MOST_BYTES)
    tx.add(CounterFilingMaterial(filing_id=filing.id, material_id=material.id))
    await tx.flush()


async def remove_material(tx: AsyncSession, filing: CounterFiling, material: Material) -> None:
    """Delete a file of a filing; both rows are locked."""
    used = await tx.get(CounterFilingMaterial, (filing.id, material.id))
    if used is None:
        raise NotFound
    await tx.delete(used)
    await delete_all(tx, [material])


def shown_material(material: Material) -> schemas.FilingMaterial:
    return schemas.FilingMaterial(
        material_id=material.id,
        kind=material.kind,
        media_type=str(material.media_type),
        length=material.length or 0,
        sha256=str(material.sha256),
    )
