from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.accounts.readings import schemas, service
from svc_services.accounts.readings.models import MeterReading
from svc_services.accounts.readings.photos import Photos
from svc_services.callers import Resident

router = APIRouter(prefix="/services/v1", tags=["meter readings"])
ProviderSystem = Annotated[Caller, Depends(allow(scope="accounts:write"))]
_OF_BINDING = "/account-bindings/{binding_id}/meter-readings"


@router.post(_OF_BINDING, status_code=201)
async def submit_meter_reading(
    tx: Tx, caller: Resident, once: OnceKey, photos: Photos, binding_id: UUID, body: schemas.NewMeterReading
) -> schemas.SubmittedReading:
    """Submit what the meter of the caller's account shows today.

    A second reading of a day corrects the first, which stays on record.
    """
    return await once.do(tx, caller, service.take(tx, caller.id, binding_id, body, photos))


@router.get(_OF_BINDING)
async def list_own_meter_readings(
    tx: ReadTx, caller: Resident, page: PageQuery, binding_id: UUID
) -> Page[schemas.SubmittedReading]:
    """List the readings of the caller's account since it changed hands, newest first."""
    binding = await service.reader(tx, caller.id, binding_id)
    query = await service.readings_of(tx, binding)
    return await page_of(tx, query, page, MeterReading.id, service.shown, newest_first=True)


@router.get("/meter-readings")
async def list_meter_readings(
    tx: ReadTx,
    caller: ProviderSystem,
    page: PageQuery,
    after_number: Annotated[int, Query(ge=0, le=10**15, description="The last number that you have.")] = 0,
) -> Page[schemas.ReceivedMeterReading]:
    """List the readings of the provider's meters by number, corrected ones too."""
    query = service.received_by(caller.id).where(MeterReading.number > after_number)
    return await page_of(tx, query, page, MeterReading.number, service.received)


@router.post("/meter-reading-days")
async def set_meter_reading_days(
    tx: Tx, caller: ProviderSystem, once: OnceKey, body: schemas.MeterReadingDays
) -> schemas.MeterReadingDays:
    """Set the days of the month on which the provider takes readings; without days it takes them always."""
    return await once.do(tx, caller, service.set_days(tx, caller.id, body))


@router.post("/meter-changes", status_code=201)
async def report_meter_change(
    tx: Tx, caller: ProviderSystem, once: OnceKey, body: schemas.NewMeterChange
) -> schemas.MeterChange:
    """Record that an account has another meter, so that readings go on from its first one.

    A repeated report of an account and a day has no effect.
    """
    return await once.do(tx, caller, service.report_change(tx, caller.id, body))
