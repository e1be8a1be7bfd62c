from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from chassis.auth import anyone
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from chassis.text import Line
from kit.etags import IfNoneMatch, is_known
from kit.fields.divisions import DivisionCode
from svc_miniapps.catalogue import downloads, schemas, service
from svc_miniapps.catalogue.answers import CACHE_CONTROL
from svc_miniapps.catalogue.copy import InCatalogue
from svc_miniapps.fields import Code, LanguageTag
from svc_miniapps.packages.download import (
    IMMUTABLE,
    SIGNED_RESPONSES,
    etag_of_package,
    package_response,
    responses_with,
    stored_response,
)
from svc_miniapps.packages.ranges import WithConditions
from svc_miniapps.packages.schemas import MAX_VERSION_CODE
from svc_miniapps.packages.store import Store

router = APIRouter(
    prefix="/miniapps/v1",
    tags=["catalogue"],
    dependencies=[Depends(anyone(because="what is published is public information"))],
)

_UNCHANGED = {"description": "The client has this already."}
AcceptEncoding = Annotated[str, Header(max_length=1000, description="`zstd` and `gzip` are known.")]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes, in hexadecimal.")]
Language = Annotated[
    LanguageTag | None, Query(max_length=35, description="BCP 47 tag of the reader; texts are in it where they can be.")
]
PlatformVersion = Annotated[
    int | None, Query(ge=1, le=MAX_VERSION_CODE, description="Apps that need a newer platform are left out.")
]
Search = Annotated[
    Line | None,
    Query(max_length=40, description="A part of a name in any language, of its pinyin or of the initials of it."),
]


async def _wanted(
    division_code: Annotated[DivisionCode, Query()],
    category: Annotated[Code | None, Query()] = None,
    language: Language = None,
    only_in_language: Annotated[bool, Query(description="Leave out apps that do not speak it.")] = False,  # noqa: FBT002
    platform_version: PlatformVersion = None,
    search: Search = None,
) -> service.Wanted:
    return service.Wanted(division_code, category, language, only_in_language, platform_version, search)


WhatIsWanted = Annotated[service.Wanted, Depends(_wanted)]


@router.get("/catalogue", response_model=Page[schemas.Listing], responses={304: _UNCHANGED})
async def list_catalogue(
    catalogue: InCatalogue,
    page: PageQuery,
    wanted: WhatIsWanted,
    if_none_match: IfNoneMatch = None,
    accept_encoding: AcceptEncoding = "",
) -> Response:
    """List the mini-apps for residents of a division: its own and those of the whole prefecture."""
    return service.list_catalogue(catalogue, wanted, page).respond(if_none_match, accept_encoding)


@router.get("/catalogue/{app_id}", response_model=schemas.Listing, responses={304: _UNCHANGED})
async def get_listing(
    catalogue: InCatalogue,
    app_id: UUID,
    language: Language = None,
    if_none_match: IfNoneMatch = None,
    accept_encoding: AcceptEncoding = "",
) -> Response:
    """Get a published mini-app as residents see it."""
    return service.get_listing(catalogue, app_id, language).respond(if_none_match, accept_encoding)


@router.get("/catalogue/{app_id}/package", response_class=StreamingResponse, responses=SIGNED_RESPONSES)
async def download_package(
    tx: ReadTx, objects: Store, catalogue: InCatalogue, app_id: UUID, conditions: WithConditions
) -> Response:
    """Download the package that is published at this moment.

    Its ETag is its SHA-256. The listing names an address that always has the same bytes.
    """
    entry = service.listed(catalogue, app_id)
    package, signature = await downloads.published_package(tx, app_id, entry.sha256)
    return await package_response(objects, package, conditions, cache_control=CACHE_CONTROL, signature=signature)


@router.get("/catalogue/{app_id}/packages/{sha256}", response_class=StreamingResponse, responses=SIGNED_RESPONSES)
async def download_package_version(
    tx: ReadTx, objects: Store, app_id: UUID, sha256: Digest, conditions: WithConditions
) -> Response:
    """Download the package that has this digest, whole or one range of it.

    It is one that residents have, or had within the last seven days.
    """
    package, signature = await downloads.published_package(tx, app_id, sha256)
    return await package_response(objects, package, conditions, cache_control=IMMUTABLE, signature=signature)


@router.get(
    "/catalogue/{app_id}/deltas/{sha256}",
    response_class=StreamingResponse,
    responses=responses_with(downloads.DELTA_MEDIA_TYPE),
)
async def download_delta(
    tx: ReadTx, objects: Store, app_id: UUID, sha256: Digest, conditions: WithConditions
) -> Response:
    """Download what turns an earlier version into the published one: a Zstandard frame with that version as prefix."""
    stored = await downloads.delta_file(tx, app_id, sha256)
    return await stored_response(objects, stored, conditions, cache_control=IMMUTABLE)


@router.get(
    "/icons/{sha256}",
    response_class=Response,
    responses={
        200: {"content": {kind: {} for kind in ("image/png", "image/jpeg", "image/webp")}},
        304: _UNCHANGED,
    },
)
async def download_icon(tx: ReadTx, sha256: Digest, if_none_match: IfNoneMatch = None) -> Response:
    """Download the icon of a published mini-app."""
    icon = await downloads.listed_icon(tx, sha256)
    headers = {"ETag": etag_of_package(sha256), "Cache-Control": IMMUTABLE, "X-Content-Type-Options": "nosniff"}
    if is_known(if_none_match, etag_of_package(sha256)):
        return Response(status_code=304, headers=headers)
    return Response(icon.content, media_type=icon.media_type, headers=headers)
