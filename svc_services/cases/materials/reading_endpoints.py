"""Photos of meters, seen by who sees the reading."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Transactions
from chassis.problems import NotFound
from kit.scanning import OFF
from svc_services.accounts.readings import service as readings
from svc_services.accounts.readings.endpoints import ProviderSystem
from svc_services.accounts.readings.models import MeterReading
from svc_services.callers import Resident
from svc_services.cases.materials.downloads import DOWNLOAD, Store, download
from svc_services.cases.materials.models import Material, MaterialUser
from svc_services.cases.materials.refusals import MaterialNotScanned
from svc_services.cases.materials.uses import use, used_material
from svc_services.settings import Settings, TheSettings

router = APIRouter(prefix="/services/v1", tags=["meter readings"])


@router.get(
    "/account-bindings/{binding_id}/meter-readings/{reading_id}/photo", response_class=Response, responses=DOWNLOAD
)
async def download_own_meter_photo(
    database: Transactions, caller: Resident, store: Store, settings: TheSettings, binding_id: UUID, reading_id: UUID
) -> Response:
    """Download the photo of a reading of the caller's account."""
    async with database.read() as tx:
        query = await readings.readings_of(tx, await readings.reader(tx, caller.id, binding_id))
        material = await _photo(tx, query.where(MeterReading.id == reading_id), settings)
    return await download(store, material)


@router.get("/meter-readings/{reading_id}/photo", response_class=Response, responses=DOWNLOAD)
async def download_meter_photo(
    database: Transactions, caller: ProviderSystem, store: Store, settings: TheSettings, reading_id: UUID
) -> Response:
    """Download the photo of a reading of the provider's meters."""
    async with database.read() as tx:
        material = await _photo(tx, readings.received_by(caller.id).where(MeterReading.id == reading_id), settings)
    return await download(store, material)


async def _photo(tx: AsyncSession, query: Select[MeterReading], settings: Settings) -> Material:
    reading = await tx.scalar(query)
    if reading is None or reading.photo_id is None:
        raise NotFound
    material = await used_material(tx, MaterialUser.READING, reading.id, reading.photo_id)
    if material.scanned_at is None and settings.material_scanner != OFF:
        raise MaterialNotScanned
    return material


async def use_photo(tx: AsyncSession, person_id: UUID, reading_id: UUID, material_id: UUID) -> None:
    """Keep a file of a person with their reading, which was made in this transaction."""
    await use(tx, person_id, MaterialUser.READING, reading_id, material_id)
