from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.auth import anyone
from chassis.db import Transactions
from kit.fields.divisions import DivisionCode
from kit.papers.qr import drawn, painted
from svc_miniapps.catalogue.copy import InCatalogue
from svc_miniapps.catalogue.endpoints import PlatformVersion
from svc_miniapps.catalogue.gray import gray_entries
from svc_miniapps.catalogue.service import listed
from svc_miniapps.packages.store import Store
from svc_miniapps.runtime.callers import Resident
from svc_miniapps.runtime.links import schemas, service
from svc_miniapps.runtime.links.addresses import MOST_CHARACTERS, Address, parse
from svc_miniapps.runtime.subscriptions.endpoints import Language
from svc_miniapps.runtime.templates.schemas import PagePath

router = APIRouter(prefix="/miniapps/v1", tags=["links"])
_PUBLIC = Depends(anyone(because="what is published is public information"))


async def _packages(request: Request, database: Transactions, objects: Store) -> service.Packages:
    return service.Packages(database, objects, request.app.state.settings.public_url)


async def _address(
    request: Request,
    address: Annotated[str, Query(min_length=1, max_length=MOST_CHARACTERS, description="Of a mini-app or its page.")],
) -> Address:
    return parse(address, request.app.state.settings.public_url)


async def _phone(
    division_code: Annotated[DivisionCode, Query()], platform_version: PlatformVersion = None, language: Language = None
) -> service.Phone:
    return service.Phone(division_code, platform_version, language)


Packages = Annotated[service.Packages, Depends(_packages)]
Wanted = Annotated[Address, Depends(_address)]
Phone = Annotated[service.Phone, Depends(_phone)]


@router.get("/links", dependencies=[_PUBLIC])
async def resolve_link(
    catalogue: InCatalogue, packages: Packages, address: Wanted, phone: Phone
) -> schemas.ResolvedLink:
    """Get what an address of a mini-app opens on a phone on which nobody is signed in.

    The address is as W3C MiniApp Addressing has it, `myili://miniapp/<id>/<page>?<query>#<fragment>` or its https form.
    """
    return await service.resolve(packages, catalogue.entries.get(address.app_id), address, phone)


@router.get("/me/links")
async def resolve_own_link(
    caller: Resident, catalogue: InCatalogue, packages: Packages, address: Wanted, phone: Phone
) -> schemas.ResolvedLink:
    """Get what an address of a mini-app opens for the caller, who may have a gray release of it."""
    async with packages.database.read() as tx:
        gray = await gray_entries(tx, catalogue, caller.id, phone.division_code, [address.app_id])
    entry = gray.get(address.app_id) or catalogue.entries.get(address.app_id)
    return await service.resolve(packages, entry, address, phone)


class QrFormat(StrEnum):
    SVG = "svg"
    PNG = "png"


@router.get(
    "/catalogue/{app_id}/qr-code",
    dependencies=[_PUBLIC],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}, "image/png": {}}}},
)
async def get_qr_code(
    catalogue: InCatalogue,
    packages: Packages,
    app_id: UUID,
    page: Annotated[PagePath | None, Query(max_length=200, description="The first one if it is left out.")] = None,
    image_format: Annotated[QrFormat, Query(alias="format")] = QrFormat.SVG,
) -> Response:
    """Get a QR code of a published mini-app or one of its pages, for a poster at a counter."""
    entry = listed(catalogue, app_id)
    named = await service.require_page(packages, entry, page or "")
    link = Address(app_id, named if page else "").https(packages.public_url)
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    if image_format == QrFormat.PNG:
        return Response(painted(link), media_type="image/png", headers=headers)
    return Response(drawn(link), media_type="image/svg+xml", headers=headers)
