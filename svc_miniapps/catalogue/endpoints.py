from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from chassis.auth import anyone
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from kit.etags import IfNoneMatch, is_known, unless_known
from kit.fields.divisions import DivisionCode
from svc_miniapps.catalogue import schemas, service
from svc_miniapps.fields import Code
from svc_miniapps.packages.download import PACKAGE_RESPONSES, etag_of_package, package_response
from svc_miniapps.packages.store import Store

SECONDS = 1
"""A publication is visible within two seconds, also through a cache; a repeated request costs a 304."""
CACHE_CONTROL = f"public, max-age={SECONDS}"

router = APIRouter(
    prefix="/miniapps/v1",
    tags=["catalogue"],
    dependencies=[Depends(anyone(because="what is published is public information"))],
)

_UNCHANGED = {"description": "The client has this already."}


@router.get("/catalogue", response_model=Page[schemas.Listing], responses={304: _UNCHANGED})
async def list_catalogue(
    tx: ReadTx,
    page: PageQuery,
    division_code: Annotated[DivisionCode, Query()],
    category: Annotated[Code | None, Query()] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List the mini-apps for residents of a division: its own and those of the whole prefecture."""
    return unless_known(if_none_match, await service.list_catalogue(tx, division_code, category, page), seconds=SECONDS)


@router.get("/catalogue/{app_id}", response_model=schemas.Listing, responses={304: _UNCHANGED})
async def get_listing(tx: ReadTx, app_id: UUID, if_none_match: IfNoneMatch = None) -> Response:
    """Get a published mini-app as residents see it."""
    return unless_known(if_none_match, schemas.Listing.of(await service.get_listing(tx, app_id)), seconds=SECONDS)


@router.get(
    "/catalogue/{app_id}/package",
    response_class=StreamingResponse,
    responses={**PACKAGE_RESPONSES, 304: _UNCHANGED},
)
async def download_package(tx: ReadTx, objects: Store, app_id: UUID, if_none_match: IfNoneMatch = None) -> Response:
    """Download the published package of a mini-app.

    Its ETag is the SHA-256 that the listing names.
    """
    listing = await service.get_listing(tx, app_id)
    etag = etag_of_package(listing.package.sha256)
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": CACHE_CONTROL})
    return await package_response(objects, listing.package, cache_control=CACHE_CONTROL)
