"""Materials of applications: attached by the applicant, read by who handles the case."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Transactions, Tx
from kit.scanning import OFF
from svc_services.cases.applications import service as applications
from svc_services.cases.applications.models import Application
from svc_services.cases.data_reads.service import MATERIAL, record_read
from svc_services.cases.materials import attached, schemas
from svc_services.cases.materials.downloads import DOWNLOAD, Store, download
from svc_services.cases.materials.endpoints import Applicant
from svc_services.cases.materials.models import Material
from svc_services.cases.materials.refusals import MaterialNotScanned
from svc_services.cases.queue.endpoints import Staff
from svc_services.cases.received.endpoints import ProviderSystem
from svc_services.settings import Settings, TheSettings

router = APIRouter(prefix="/services/v1", tags=["materials"])
_OF_APPLICATION = "/{application_id}/materials/{material_id}"


@router.put("/applications" + _OF_APPLICATION)
async def attach_material(
    tx: Tx, caller: Applicant, application_id: UUID, material_id: UUID
) -> schemas.AttachedMaterial:
    """Add a file of one's own to an application that is a draft or is to be corrected. Idempotent."""
    return await attached.attach(tx, caller.id, application_id, material_id)


@router.delete("/applications" + _OF_APPLICATION, status_code=204)
async def detach_material(tx: Tx, caller: Applicant, application_id: UUID, material_id: UUID) -> None:
    """Remove a file from a draft; the file itself stays."""
    await attached.detach(tx, caller.id, application_id, material_id)


@router.get("/application-queue" + _OF_APPLICATION, response_class=Response, responses=DOWNLOAD)
async def download_case_material(
    database: Transactions,
    caller: Staff,
    store: Store,
    settings: TheSettings,
    application_id: UUID,
    material_id: UUID,
) -> Response:
    """Download a material of a case of one's divisions; the applicant sees that it was read."""
    async with database.transaction() as tx:
        case = await applications.of_staff(tx, caller, application_id)
        material = await _read(tx, caller, case, material_id, settings)
    return await download(store, material)


@router.get("/received-applications" + _OF_APPLICATION, response_class=Response, responses=DOWNLOAD)
async def download_received_material(
    database: Transactions,
    caller: ProviderSystem,
    store: Store,
    settings: TheSettings,
    application_id: UUID,
    material_id: UUID,
) -> Response:
    """Download a material of a case of the provider; the applicant sees that it was read."""
    async with database.transaction() as tx:
        case = await applications.of_provider(tx, caller.id, application_id)
        material = await _read(tx, caller, case, material_id, settings)
    return await download(store, material)


async def _read(tx: AsyncSession, caller: Caller, case: Application, material_id: UUID, settings: Settings) -> Material:
    material = await attached.material_of(tx, case.id, material_id)
    if material.scanned_at is None and settings.material_scanner != OFF:
        raise MaterialNotScanned
    await record_read(tx, caller, case, MATERIAL, material.id)
    return material
