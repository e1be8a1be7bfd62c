"""Materials of complaints: attached by the complainant, opened by who handles the complaint."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.db import Transactions, Tx
from chassis.problems import NotFound
from kit.scanning import OFF
from svc_services.cases.materials import schemas as materials
from svc_services.cases.materials.downloads import DOWNLOAD, Store, download
from svc_services.cases.materials.models import MaterialUser
from svc_services.cases.materials.refusals import MaterialNotScanned
from svc_services.cases.materials.uses import used_material
from svc_services.settings import TheSettings
from svc_services.supervision.complaints import handling, reads, service
from svc_services.supervision.complaints.endpoints import Complainant
from svc_services.supervision.complaints.presenters import sees_materials
from svc_services.supervision.readers import Reader

router = APIRouter(prefix="/services/v1", tags=["complaints"])
_MATERIAL = "/{complaint_id}/materials/{material_id}"


@router.put("/complaints" + _MATERIAL)
async def attach_complaint_material(
    tx: Tx, caller: Complainant, complaint_id: UUID, material_id: UUID
) -> list[materials.AttachedMaterial]:
    """Add a file of one's own to one's complaint while it is open. Idempotent; what was added stays."""
    return await service.attach(tx, caller.id, complaint_id, material_id)


@router.get("/received-complaints" + _MATERIAL, response_class=Response, responses=DOWNLOAD)
async def download_complaint_material(
    database: Transactions,
    caller: Reader,
    store: Store,
    settings: TheSettings,
    complaint_id: UUID,
    material_id: UUID,
) -> Response:
    """Download a material of a complaint that one handles; the complainant sees that it was read."""
    async with database.transaction() as tx:
        row = await handling.found(tx, caller, complaint_id)
        view = await handling.view_of(tx, caller, row)
        if not sees_materials(row, view):
            raise NotFound
        material = await used_material(tx, MaterialUser.COMPLAINT, row.id, material_id)
        if material.scanned_at is None and settings.material_scanner != OFF:
            raise MaterialNotScanned
        await reads.record_material(tx, caller, row, view)
    return await download(store, material)
