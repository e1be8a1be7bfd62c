from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header

from chassis.auth import anyone
from chassis.db import ReadTx
from chassis.problems import preferred_language
from kit.query_parameters import only_known_parameters
from kit.tariffs.usage import Usage
from svc_services.catalogue.estimates import schemas, service

router = APIRouter(prefix="/services/v1/tariffs", tags=["tariffs"])


@router.post(
    "/{tariff_id}/estimate",
    dependencies=[
        Depends(anyone(because="prices of public utilities are public")),
        Depends(only_known_parameters),
    ],
    openapi_extra={"x-max-body-bytes": 16_384},
)
async def estimate_tariff(
    tx: ReadTx,
    tariff_id: UUID,
    body: Usage,
    accept_language: Annotated[str, Header(max_length=1000)] = "",
) -> schemas.TariffEstimate:
    """Compute what a usage costs by a published tariff of either shape, line by line with the reason of each.

    Nothing is kept. A version that begins within the period applies from its day.
    """
    return await service.estimate(tx, tariff_id, body, preferred_language(accept_language))
