from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from kit.uploads.bodies import whole_body
from kit.uploads.contract import APPENDED, OFFSET_ANSWER, appending
from svc_miniapps.members import TeamMember
from svc_miniapps.packages.checks.archive import MAX_PACKAGE_BYTES
from svc_miniapps.packages.schemas import Package
from svc_miniapps.packages.store import Store
from svc_miniapps.publishing.uploads import resumable, schemas
from svc_miniapps.publishing.uploads.service import Sender

router = APIRouter(prefix="/miniapps/v1/apps/{app_id}/package-uploads", tags=["packages"])


@router.post("", status_code=201)
async def create_package_upload(
    tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, body: schemas.NewPackageUpload
) -> schemas.PackageUpload:
    """Begin the upload of a package in several requests; its bytes follow by PATCH."""

    async def create() -> schemas.PackageUpload:
        return await resumable.shown(tx, await resumable.create(tx, caller, app_id, body))

    return await once.do(tx, caller, create())


@router.get("/{upload_id}")
async def get_package_upload(tx: ReadTx, caller: TeamMember, app_id: UUID, upload_id: UUID) -> schemas.PackageUpload:
    """Get the progress and the outcome of an upload; a request that is sending bytes is not interrupted."""
    return await resumable.shown(tx, await resumable.own(tx, caller, app_id, upload_id))


@router.head("/{upload_id}", status_code=204, responses=OFFSET_ANSWER)
async def get_package_upload_offset(
    tx: Tx, caller: TeamMember, response: Response, app_id: UUID, upload_id: UUID
) -> None:
    """Get the offset to resume at, in `Upload-Offset`.

    An earlier request that may still be sending bytes, such as one whose connection was cut, is ended.
    """
    response.headers.update(resumable.state_headers(await resumable.offset_of(tx, caller, app_id, upload_id)))


@router.patch("/{upload_id}", response_model=Package, responses=APPENDED, openapi_extra=appending(MAX_PACKAGE_BYTES))
async def append_to_package_upload(
    request: Request, caller: TeamMember, database: Transactions, objects: Store, app_id: UUID, upload_id: UUID
) -> Response:
    """Append bytes to a package; the request with the last ones says what became of it.

    It is checked and taken in as a package that comes in one request.
    """
    place = (app_id, upload_id)
    if await resumable.append(database, caller, place, request.headers, whole_body(request)):
        package = await resumable.finish(database, objects, Sender.of(caller, app_id), upload_id)
        return JSONResponse(package.model_dump(mode="json"), headers={"Upload-Complete": "?1"})
    async with database.read() as tx:
        begun = await resumable.own(tx, caller, app_id, upload_id)
    return Response(status_code=204, headers={"Upload-Offset": str(begun.received), "Upload-Complete": "?0"})
