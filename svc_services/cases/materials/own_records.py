from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.my_data import records
from svc_services.cases.applications.models import Application
from svc_services.cases.materials.models import ApplicationMaterial, Material, MaterialUse
from svc_services.cases.papers.models import Paper


async def of_person(tx: AsyncSession, person_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """What a person handed in, and the papers made for them; the files themselves are downloaded one by one."""
    own_files = select(Material.id).where(Material.person_id == person_id)
    cases = select(Application.id).where(Application.person_id == person_id)
    return {
        "materials": await records(tx, Material, Material.person_id == person_id, without=("appender", "scan_at")),
        "application_materials": await records(tx, ApplicationMaterial, ApplicationMaterial.material_id.in_(own_files)),
        "material_uses": await records(tx, MaterialUse, MaterialUse.material_id.in_(own_files)),
        "papers": await records(tx, Paper, Paper.application_id.in_(cases)),
    }
