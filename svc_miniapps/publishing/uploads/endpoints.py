from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.db import Transactions
from chassis.problems import UnsupportedMediaType
from kit.uploads.contract import CONTENT_DIGEST, REPR_DIGEST
from kit.uploads.digests import fitting
from svc_miniapps.members import TeamMember
from svc_miniapps.packages import schemas
from svc_miniapps.packages.checks.archive import MAX_PACKAGE_BYTES
from svc_miniapps.packages.download import MEDIA_TYPE
from svc_miniapps.packages.store import Store
from svc_miniapps.publishing.uploads import service
from svc_miniapps.targets import Target

_TARGET = "A further platform that it is built for; those that the app is registered for are checked in any case."
router = APIRouter(prefix="/miniapps/v1", tags=["packages"])


async def _announced(
    version_code: schemas.VersionCode,
    target: Annotated[list[Target] | None, Query(max_length=len(Target), description=_TARGET)] = None,
) -> service.Announced:
    return service.Announced(version_code, frozenset(target or ()))


@router.put(
    "/apps/{app_id}/packages/{version_code}",
    status_code=201,
    responses={200: {"model": schemas.Package, "description": "This very file was uploaded before."}},
    openapi_extra={
        "parameters": [REPR_DIGEST, CONTENT_DIGEST],
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
        "x-max-body-bytes": MAX_PACKAGE_BYTES,
        "x-timeout-seconds": 120,
    },
)
async def upload_package(
    request: Request,
    response: Response,
    transactions: Transactions,
    caller: TeamMember,
    objects: Store,
    app_id: UUID,
    announced: Annotated[service.Announced, Depends(_announced)],
) -> schemas.Package:
    """Upload the package of one version of a mini-app.

    Idempotent: the address names the version, so a repeated upload of the same package has no effect.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE or "content-encoding" in request.headers:
        raise UnsupportedMediaType(expected=MEDIA_TYPE)
    body = fitting(request.stream(), request.headers, "Content-Digest", "Repr-Digest")
    uploaded = await service.upload(transactions, objects, service.Sender.of(caller, app_id), announced, body)
    response.status_code = 201 if uploaded.is_new else 200
    return uploaded.package
