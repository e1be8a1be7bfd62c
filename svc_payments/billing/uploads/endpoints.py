from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from chassis.auth import Caller
from chassis.db import ReadTx, Transactions, Tx
from chassis.pagination import Page, PageQuery, page_of
from kit.uploads.bodies import whole_body
from kit.uploads.contract import APPENDED, BEGIN, OFFSET_ANSWER, STATE, appending
from kit.uploads.digests import fitting
from kit.uploads.headers import completes
from svc_payments.billing.files import service as bill_files
from svc_payments.billing.files.endpoints import A_FILE
from svc_payments.billing.files.reception import LARGEST_FILE, Announced, received
from svc_payments.billing.files.schemas import FILE_CONTENT, BillFile
from svc_payments.billing.uploads import schemas, service
from svc_payments.billing.uploads.models import BillFileUpload
from svc_payments.parties.callers import BillSender, Language
from svc_payments.settings import TheSettings

router = APIRouter(prefix="/payments/v1", tags=["bill files"])

LOCATION = {"Location": {"description": "Where the upload goes on.", "schema": {"type": "string"}}}
FileName = Annotated[
    str,
    Path(
        alias="bill_file",
        description="The file's name.",
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f\\]+$",
    ),
]


@router.put(
    A_FILE,
    openapi_extra={
        "parameters": BEGIN,
        "requestBody": {
            "required": True,
            "description": "The file as it is: CSV in UTF-8 (with or without a byte order mark) or GB18030, as "
            "`charset` says, or a spreadsheet with one table; Content-Encoding may be gzip. Above the header, whose "
            "first value is `bill_number`, up to ten lines of at most three values are titles and passed over; "
            "anything else there is `wrong_header`. Empty values at the ends of rows mean nothing. With "
            "`Upload-Complete: ?0` it is the beginning of the file, or nothing of it yet, and the rest comes by PATCH "
            "to `Location`.",
            "content": FILE_CONTENT,
        },
        "x-max-body-bytes": LARGEST_FILE,
        "x-timeout-seconds": 600,
    },
    response_model=BillFile,
    responses={201: {"description": "An upload has begun; continue it at `Location`.", "headers": LOCATION | STATE}},
)
async def upload_bill_file(
    request: Request, tx: Tx, caller: BillSender, language: Language, file_name: FileName
) -> BillFile | Response:
    """Ingest a file of bills row by row.

    Rows with faults are refused one by one. Idempotent: the same file again changes nothing.
    """
    if "upload-complete" in request.headers and not completes(request.headers):
        return await _begun(request, caller, file_name)
    body = fitting(whole_body(request), request.headers, "Content-Digest")
    async with received(Announced.by(request.headers), body) as upload:
        return await bill_files.take_in(tx, caller.id, file_name, upload, language)


async def _begun(request: Request, caller: Caller, file_name: str) -> Response:
    """The answer to the first request of an upload (draft-ietf-httpbis-resumable-upload)."""
    database, settings = request.app.state.database, request.app.state.settings
    upload_id = await service.create(database, caller.id, file_name, request.headers, whole_body(request))
    async with database.read() as tx:
        upload = await service.own(tx, caller.id, upload_id)
        state = await service.state_headers(tx, upload, settings)
    return Response(status_code=201, headers={"Location": f"/payments/v1/bill-file-uploads/{upload_id}", **state})


@router.get("/bill-file-uploads")
async def list_bill_file_uploads(
    tx: ReadTx, caller: BillSender, language: Language, settings: TheSettings, page: PageQuery
) -> Page[schemas.BillFileUpload]:
    """List the caller's uploads, newest first.

    Uploads that have ended are listed for a week.
    """
    query = service.of_provider(caller.id)
    return await page_of(
        tx, query, page, BillFileUpload.id, lambda upload: service.shown(upload, settings, language), newest_first=True
    )


@router.get("/bill-file-uploads/{upload_id}", responses={200: {"headers": STATE}})
async def get_bill_file_upload(
    tx: ReadTx, caller: BillSender, language: Language, settings: TheSettings, response: Response, upload_id: UUID
) -> schemas.BillFileUpload:
    """Get the progress of an upload, and its report once the file is ingested.

    A request that is sending bytes is not interrupted.
    """
    upload = await service.own(tx, caller.id, upload_id)
    response.headers.update(await service.state_headers(tx, upload, settings))
    return await service.shown_with_report(tx, upload, settings, language)


@router.head("/bill-file-uploads/{upload_id}", status_code=204, responses=OFFSET_ANSWER)
async def get_bill_file_upload_offset(
    tx: Tx, caller: BillSender, settings: TheSettings, response: Response, upload_id: UUID
) -> None:
    """Get the offset to resume an upload at, in `Upload-Offset`.

    An earlier request that may still be sending bytes, such as one whose connection was cut, is ended.
    """
    upload = await service.offset_of(tx, caller.id, upload_id)
    response.headers.update(await service.state_headers(tx, upload, settings))


@router.patch(
    "/bill-file-uploads/{upload_id}",
    response_model=BillFile,
    responses=APPENDED,
    openapi_extra=appending(LARGEST_FILE),
)
async def append_to_bill_file_upload(
    request: Request, caller: BillSender, language: Language, database: Transactions, upload_id: UUID
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


@router.delete("/bill-file-uploads/{upload_id}", status_code=204)
async def cancel_bill_file_upload(tx: Tx, caller: BillSender, upload_id: UUID) -> None:
    """Cancel an upload.

    A file that is already ingested stays so.
    """
    await service.cancel(tx, caller.id, upload_id)
