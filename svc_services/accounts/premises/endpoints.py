from typing import Annotated

from fastapi import APIRouter, Depends

from chassis.auth import Caller, allow
from chassis.db import Tx
from chassis.idempotency import OnceKey
from svc_services.accounts.premises import schemas, service

router = APIRouter(prefix="/services/v1", tags=["outages"])
ProviderSystem = Annotated[Caller, Depends(allow(scope="accounts:write"))]


@router.post("/account-premises", openapi_extra={"x-max-body-bytes": 262_144})
async def report_account_premises(
    tx: Tx, caller: ProviderSystem, once: OnceKey, body: schemas.PremisesReport
) -> schemas.PremisesReceived:
    """Record where accounts are supplied, so that outages reach the people concerned.

    Kept only for accounts that residents have bound, and only as long; send the list again each night.
    """
    return await once.do(tx, caller, service.report(tx, caller.id, body))
