from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.auth import Caller, allow
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from svc_miniapps.catalogue import schemas, service
from svc_miniapps.catalogue.copy import InCatalogue
from svc_miniapps.catalogue.endpoints import AcceptEncoding, WhatIsWanted
from svc_miniapps.catalogue.gray import gray_entries
from svc_miniapps.catalogue.updates.answer import headers_and_body

router = APIRouter(prefix="/miniapps/v1/me", tags=["catalogue"])
Person = Annotated[Caller, Depends(allow(scope="mini_apps", persons=True))]


@router.get("/catalogue", response_model=Page[schemas.Listing])
async def list_own_catalogue(
    tx: ReadTx,
    caller: Person,
    catalogue: InCatalogue,
    page: PageQuery,
    wanted: WhatIsWanted,
    accept_encoding: AcceptEncoding = "",
) -> Response:
    """List the mini-apps for residents of a division, with the gray releases that the signed-in person has."""
    gray = await gray_entries(tx, catalogue, caller.id, wanted.division_code)
    answer = service.list_own_catalogue(catalogue, gray, wanted, page)
    headers, content = headers_and_body(answer.body, accept_encoding)
    return Response(content, headers=headers, media_type="application/json")
