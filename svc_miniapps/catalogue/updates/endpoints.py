from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.auth import Caller, allow, anyone
from chassis.db import ReadTx
from kit.query_parameters import only_known_parameters
from svc_miniapps.catalogue.copy import InCatalogue
from svc_miniapps.catalogue.endpoints import AcceptEncoding
from svc_miniapps.catalogue.entries import Entry
from svc_miniapps.catalogue.gray import gray_entries
from svc_miniapps.catalogue.updates import schemas
from svc_miniapps.catalogue.updates.answer import headers_and_body
from svc_miniapps.catalogue.updates.service import Phone, check_updates

PATH = "/miniapps/v1/updates"
OWN_PATH = "/miniapps/v1/me/updates"
MOST_BYTES = 64 * 1024

router = APIRouter(tags=["catalogue"])
Person = Annotated[Caller, Depends(allow(scope="mini_apps", persons=True))]


@router.post(
    PATH,
    response_model=schemas.Updates,
    dependencies=[
        Depends(anyone(because="what is published is public information, and nothing is kept of the phone")),
        Depends(only_known_parameters),
    ],
    openapi_extra={"x-max-body-bytes": MOST_BYTES},
)
async def check_for_updates(
    catalogue: InCatalogue, body: schemas.UpdateCheck, accept_encoding: AcceptEncoding = ""
) -> Response:
    """Check all mini-apps of a phone for updates at once.

    Only what has changed is answered. Nothing is kept of the request.
    """
    headers, content = headers_and_body(check_updates(catalogue, _phone(body, {})), accept_encoding)
    return Response(content, headers=headers, media_type="application/json")


@router.post(
    OWN_PATH,
    response_model=schemas.Updates,
    dependencies=[Depends(only_known_parameters)],
    openapi_extra={"x-max-body-bytes": MOST_BYTES},
)
async def check_for_own_updates(
    tx: ReadTx, caller: Person, catalogue: InCatalogue, body: schemas.UpdateCheck, accept_encoding: AcceptEncoding = ""
) -> Response:
    """Check all mini-apps of a phone for updates, with the gray releases that the signed-in person has.

    Nothing is kept of the request.
    """
    app_ids = [app.app_id for app in body.installed]
    gray = await gray_entries(tx, catalogue, caller.id, body.division_code, app_ids)
    by_text = {str(app_id): entry for app_id, entry in gray.items()}
    headers, content = headers_and_body(check_updates(catalogue, _phone(body, by_text)), accept_encoding)
    return Response(content, headers=headers, media_type="application/json")


def _phone(body: schemas.UpdateCheck, gray: Mapping[str, Entry]) -> Phone:
    installed = [(str(app.app_id), app.version_code, app.sha256) for app in body.installed]
    return Phone(body.division_code, body.platform_version, body.language, installed, gray)
