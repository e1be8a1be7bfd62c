"""A resident's own files."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.uploads.bodies import whole_body
from kit.uploads.contract import APPENDED, OFFSET_ANSWER, appending
from kit.uploads.outcomes import again
from svc_services.callers import Language
from svc_services.cases.materials import reception, schemas, service
from svc_services.cases.materials.downloads import DOWNLOAD, Store, download
from svc_services.cases.materials.models import LARGEST_FILE, Material
from svc_services.settings import Settings, TheSettings

router = APIRouter(prefix="/services/v1/materials", tags=["materials"])
Applicant = Annotated[Caller, Depends(allow(scope="applications", assurance_level=2))]
APPENDING = appending(LARGEST_FILE)


@router.post("", status_code=201)
async def create_material(
    tx: Tx, caller: Applicant, once: OnceKey, settings: TheSettings, language: Language, body: schemas.NewMaterial
) -> schemas.Material:
    """Begin a file for applications; its bytes follow by PATCH."""

    async def create() -> schemas.Material:
        return service.shown(await service.create(tx, caller.id, body), settings.material_scanner, language)

    return await once.do(tx, caller, create())


@router.get("")
async def list_materials(
    tx: ReadTx, caller: Applicant, settings: TheSettings, language: Language, page: PageQuery
) -> Page[schemas.Material]:
    """List one's own files, newest first."""
    query = select(Material).where(Material.person_id == caller.id)
    return await page_of(
        tx,
        query,
        page,
        Material.id,
        lambda each: service.shown(each, settings.material_scanner, language),
        newest_first=True,
    )


@router.get("/{material_id}")
async def get_material(
    tx: ReadTx, caller: Applicant, settings: TheSettings, language: Language, material_id: UUID
) -> schemas.Material:
    """Get the progress and the outcome of a file; a request that is sending bytes is not interrupted."""
    return service.shown(await service.own(tx, caller.id, material_id), settings.material_scanner, language)


@router.head("/{material_id}", status_code=204, responses=OFFSET_ANSWER)
async def get_material_offset(tx: Tx, caller: Applicant, response: Response, material_id: UUID) -> None:
    """Get the offset to resume at, in `Upload-Offset`.

    An earlier request that may still be sending bytes, such as one whose connection was cut, is ended.
    """
    response.headers.update(service.state_headers(await service.offset_of(tx, caller.id, material_id)))


@router.patch("/{material_id}", response_model=schemas.Material, responses=APPENDED, openapi_extra=APPENDING)
async def append_to_material(
    request: Request,
    caller: Applicant,
    database: Transactions,
    store: Store,
    settings: TheSettings,
    language: Language,
    material_id: UUID,
) -> Response:
    """Append bytes to a file; the request with the last ones says whether it is kept.

    Its type is told by its bytes: PDF, JPEG, PNG or HEIC, and nothing else in it.
    """
    complete = await service.append(database, caller.id, material_id, request.headers, whole_body(request))
    if complete:
        await reception.finish(database, store, material_id)
    async with database.read() as tx:
        material = await service.own(tx, caller.id, material_id)
    return appended(material, settings, language, complete=complete)


@router.get("/{material_id}/content", response_class=Response, responses=DOWNLOAD)
async def download_material(caller: Applicant, database: Transactions, store: Store, material_id: UUID) -> Response:
    """Download one's own file."""
    async with database.read() as tx:
        material = await service.own(tx, caller.id, material_id)
    return await download(store, material)


@router.delete("/{material_id}", status_code=204)
async def remove_material(tx: Tx, caller: Applicant, material_id: UUID) -> None:
    """Remove a file, also from drafts; one that a filed application uses stays."""
    await service.remove(tx, caller.id, material_id)


def appended(material: Material, settings: Settings, language: str, *, complete: bool) -> Response:
    """The answer to a request that appended bytes: how far the file is, or what became of it."""
    if not complete:
        return Response(status_code=204, headers={"Upload-Offset": str(material.received), "Upload-Complete": "?0"})
    if material.refusal:
        refusal = again(material.refusal)
        refusal.headers = {**refusal.headers, "Upload-Complete": "?1"}
        raise refusal
    answer = service.shown(material, settings.material_scanner, language)
    return JSONResponse(answer.model_dump(mode="json"), headers={"Upload-Complete": "?1"})
