"""Files that a clerk uploads at the counter, with the scope of staff; they become the applicant's when it is filed."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from kit.uploads.bodies import whole_body
from kit.uploads.contract import APPENDED, OFFSET_ANSWER
from svc_services.callers import Language
from svc_services.cases.counter.endpoints import Clerk
from svc_services.cases.materials import reception, schemas, service
from svc_services.cases.materials.downloads import Store
from svc_services.cases.materials.endpoints import APPENDING, appended
from svc_services.settings import TheSettings

router = APIRouter(prefix="/services/v1/counter-materials", tags=["counter"])


@router.post("", status_code=201)
async def create_counter_material(
    tx: Tx, caller: Clerk, once: OnceKey, settings: TheSettings, language: Language, body: schemas.NewMaterial
) -> schemas.Material:
    """Begin a file for a filing at the counter; its bytes follow by PATCH."""

    async def create() -> schemas.Material:
        return service.shown(await service.create(tx, caller.id, body), settings.material_scanner, language)

    return await once.do(tx, caller, create())


@router.get("/{material_id}")
async def get_counter_material(
    tx: ReadTx, caller: Clerk, settings: TheSettings, language: Language, material_id: UUID
) -> schemas.Material:
    """Get the progress and the outcome of a file, while it is the clerk's."""
    return service.shown(await service.own(tx, caller.id, material_id), settings.material_scanner, language)


@router.head("/{material_id}", status_code=204, responses=OFFSET_ANSWER)
async def get_counter_material_offset(tx: Tx, caller: Clerk, response: Response, material_id: UUID) -> None:
    """Get the offset to resume at, in `Upload-Offset`; an earlier request that still sends is ended."""
    response.headers.update(service.state_headers(await service.offset_of(tx, caller.id, material_id)))


@router.patch("/{material_id}", response_model=schemas.Material, responses=APPENDED, openapi_extra=APPENDING)
async def append_to_counter_material(
    request: Request,
    caller: Clerk,
    database: Transactions,
    store: Store,
    settings: TheSettings,
    language: Language,
    material_id: UUID,
) -> Response:
    """Append bytes to a file; the request with the last ones says whether it is kept."""
    complete = await service.append(database, caller.id, material_id, request.headers, whole_body(request))
    if complete:
        await reception.finish(database, store, material_id)
    async with database.read() as tx:
        material = await service.own(tx, caller.id, material_id)
    return appended(material, settings, language, complete=complete)
