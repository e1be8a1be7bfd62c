from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.pagination import Page, PageQuery
from chassis.problems import preferred_language
from svc_payments.bill_file_uploads import service as uploads
from svc_payments.bill_file_uploads.headers import UPLOADS, completes, state_of
from svc_payments.bill_files import downloads, schemas, service
from svc_payments.bill_files.receiving import LARGEST_FILE, MEDIA_TYPE, Announced, received, whole_body
from svc_payments.bill_files.workbooks.reading import MEDIA_TYPE as WORKBOOK

router = APIRouter(prefix="/payments/v1", tags=["bill files"])

# A file is sent under its name and read by its id: one address, so its parameter has one name.
_A_FILE = "/bill-files/{bill_file}"

Uploader = Annotated[Caller, Depends(allow(scope="bills:write"))]
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
BillFileId = Annotated[UUID, Path(alias="bill_file", description="The file's `bill_file_id`.")]


async def _language(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", "")[:200])


Language = Annotated[str, Depends(_language)]

_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.put(
    _A_FILE,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The file as it is: CSV in UTF-8 (with or without a byte order mark) or GB18030, as "
            "`charset` says, or a spreadsheet with one table; Content-Encoding may be gzip. With `Upload-Complete: ?0` "
            "it is the beginning of the file, or nothing of it yet, and the rest comes by PATCH to `Location`. The "
            "sha-256 of `Repr-Digest` is checked.",
            "content": {MEDIA_TYPE: _FILE, WORKBOOK: _FILE},
        },
        "x-max-body-bytes": LARGEST_FILE,
        "x-timeout-seconds": 600,
    },
    response_model=schemas.BillFile,
    responses={201: {"description": "An upload has begun; it goes on at `Location`."}},
)
async def upload_bill_file(
    request: Request, tx: Tx, caller: Uploader, language: Language, file_name: FileName
) -> schemas.BillFile | Response:
    """Ingest a file of bills row by row.

    Rows with faults are refused one by one. Idempotent: the same file again changes nothing.
    """
    if "upload-complete" in request.headers and not completes(request.headers):
        return await _begun(request, caller, file_name)
    async with received(Announced.by(request.headers), whole_body(request)) as upload:
        return await service.take_in(tx, caller.id, file_name, upload, language)


async def _begun(request: Request, caller: Caller, file_name: str) -> Response:
    """The answer to the first request of an upload (draft-ietf-httpbis-resumable-upload)."""
    database, settings = request.app.state.database, request.app.state.settings
    upload_id = await uploads.create(database, caller.id, file_name, request.headers, whole_body(request))
    async with database.read() as tx:
        upload = await uploads.own(tx, caller.id, upload_id)
        state = state_of(upload, await uploads.seconds_left(tx, upload, settings))
    return Response(status_code=201, headers={"Location": f"{UPLOADS}/{upload_id}", **state})


@router.get(_A_FILE)
async def get_bill_file(tx: ReadTx, caller: Uploader, language: Language, bill_file_id: BillFileId) -> schemas.BillFile:
    """Get the report of an uploaded bill file."""
    return await service.get_bill_file(tx, caller.id, bill_file_id, language)


@router.get(
    "/bill-files/{bill_file_id}/refused-rows",
    response_model=Page[schemas.RefusedRow],
    responses={
        200: {
            "description": "A page of JSON, or all rows as CSV in the file's encoding or as a spreadsheet.",
            "content": {MEDIA_TYPE: _FILE, WORKBOOK: _FILE},
        }
    },
)
async def list_refused_rows(
    request: Request, tx: ReadTx, caller: Uploader, language: Language, bill_file_id: UUID, page: PageQuery
) -> Page[schemas.RefusedRow] | Response:
    """List the refused rows of a bill file and the reasons.

    With `Accept: text/csv` all of them come as CSV in the encoding of the file, and with the media type of .xlsx files
    as a spreadsheet.
    """
    accept = request.headers.get("accept", "")
    file = await service.own_file(tx, caller.id, bill_file_id)
    download = downloads.wanted(accept, file)
    if download is None:
        return await service.list_refused_rows(tx, file, page, language)
    media_type, write = download
    disposition = f"attachment; filename*=UTF-8''{quote(f'refused-rows-of-{file.file_name}')}"
    return StreamingResponse(
        write(request.app.state.database, file, language),
        media_type=media_type,
        headers={"Content-Disposition": disposition},
    )
