from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from chassis.auth import anyone
from kit.etags import NOT_MODIFIED, IfNoneMatch
from kit.fields.divisions import DivisionCode
from svc_miniapps.catalogue.copy import InCatalogue
from svc_miniapps.catalogue.endpoints import AcceptEncoding, Language, PlatformVersion
from svc_miniapps.catalogue.recommended import schemas, service

router = APIRouter(prefix="/miniapps/v1", tags=["catalogue"])


@router.get(
    "/recommended",
    response_model=schemas.RecommendedApps,
    responses=NOT_MODIFIED,
    dependencies=[Depends(anyone(because="what a division recommends is public information"))],
)
async def list_recommended(
    catalogue: InCatalogue,
    division_code: Annotated[DivisionCode, Query()],
    language: Language = None,
    platform_version: PlatformVersion = None,
    if_none_match: IfNoneMatch = None,
    accept_encoding: AcceptEncoding = "",
) -> Response:
    """List the mini-apps that a division recommends, in its order; those of the prefecture where it has no list."""
    answer = service.recommended(catalogue, division_code, language, platform_version)
    return answer.respond(if_none_match, accept_encoding)
