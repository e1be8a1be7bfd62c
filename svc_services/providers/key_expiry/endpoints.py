from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from chassis.db import ReadTx, now
from chassis.pagination import Page, PageQuery, page_of
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.endpoints import Reader
from svc_services.providers.key_expiry import schemas, service

router = APIRouter(prefix="/services/v1", tags=["providers"])


@router.get("/expiring-keys")
async def list_expiring_keys(
    tx: ReadTx, _: Reader, page: PageQuery, within_days: Annotated[int, Query(ge=1, le=366)] = 30
) -> Page[schemas.ExpiringKeys]:
    """List the providers with a key that ends soon or has ended by itself, and who can add the next one."""
    end = now() + timedelta(days=within_days)
    return await page_of(tx, service.with_keys_ending(end), page, Provider.id, partial(service.expiring_keys, end=end))
