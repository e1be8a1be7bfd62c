from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Transactions, Tx
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import preferred_language
from svc_payments.bill_file_uploads import schemas, service
from svc_payments.bill_file_uploads.headers import PARTIAL, UPLOADS, state_of
from svc_payments.bill_file_uploads.models import BillFileUpload
from svc_payments.bill_files.receiving import LARGEST_FILE, whole_body
from svc_payments.bill_files.schemas import BillFile
from svc_payments.settings import TheSettings

router = APIRouter(prefix=UPLOADS, tags=["bill files"])

Uploader = Annotated[Caller, Depends(allow(scope="bills:write"))]


async def _language(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", "")[:200])


Language = Annotated[str, Depends(_language)]


@router.get("")
async def list_bill_file_uploads(
    tx: ReadTx, caller: Uploader, language: Language, settings: TheSettings, page: PageQuery
) -> Page[schemas.BillFileUpload]:
    """List the caller's uploads, newest first.

    Uploads that have ended are listed for a week.
    """
    query = service.of_provider(caller.id)
    return await page_of(
        tx, query, page, BillFileUpload.id, lambda upload: service.shown(upload, settings, language), newest_first=True
    )


@router.get("/{upload_id}")
async def get_bill_file_upload(
    tx: ReadTx, caller: Uploader, language: Language, settings: TheSettings, response: Response, upload_id: UUID
) -> schemas.BillFileUpload:
    """Get the progress of an upload, and its report once the file is ingested.

    A request that is sending bytes is not interrupted.
    """
    upload = await service.own(tx, caller.id, upload_id)
    response.headers.update(state_of(upload, await service.seconds_left(tx, upload, settings)))
    return await service.shown_with_report(tx, upload, settings, language)


@router.head("/{upload_id}", status_code=204)
async def get_bill_file_upload_offset(
    tx: Tx, caller: Uploader, settings: TheSettings, response: Response, upload_id: UUID
) -> None:
    """Get the offset to resume an upload at, in `Upload-Offset`.

    An earlier request that may still be sending bytes, such as one whose connection was cut, is ended.
    """
    upload = await service.offset_of(tx, caller.id, upload_id)
    response.headers.update(state_of(upload, await service.seconds_left(tx, upload, settings)))


@router.patch(
    "/{upload_id}",
    response_model=BillFile,
    responses={204: {"description": "The bytes are here, and more of the file is to come."}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The next bytes of the file. `Upload-Offset` says where they begin; `Upload-Complete` is "
            "`?1` in the last request and `?0` in others. `Content-Digest` (sha-256) is checked.",
            "content": {PARTIAL: {"schema": {"type": "string", "format": "binary"}}},
        },
        "x-max-body-bytes": LARGEST_FILE,
        "x-timeout-seconds": 600,
    },
)
async def append_to_bill_file_upload(
    request: Request, caller: Uploader, language: Language, database: Transactions, upload_id: UUID
) -> Response:
    """Append bytes to an upload.

    The request with the last bytes gets the report of the file.
    """
    if not await service.append(database, caller.id, upload_id, request.headers, whole_body(request)):
        async with database.read() as tx:
            upload = await service.own(tx, caller.id, upload_id)
        return Response(status_code=204, headers={"Upload-Offset": str(upload.received), "Upload-Complete": "?0"})
    report = await service.report_on(database, caller.id, upload_id, language)
    return JSONResponse(report.model_dump(mode="json"), headers={"Upload-Complete": "?1"})


@router.delete("/{upload_id}", status_code=204)
async def cancel_bill_file_upload(tx: Tx, caller: Uploader, upload_id: UUID) -> None:
    """Cancel an upload.

    A file that is already ingested stays so.
    """
    await service.cancel(tx, caller.id, upload_id)
