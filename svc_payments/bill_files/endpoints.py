from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.pagination import Page, PageQuery
from chassis.problems import preferred_language
from svc_payments.bill_files import schemas, service
from svc_payments.bill_files.models import Encoding
from svc_payments.bill_files.receiving import LARGEST_FILE, MEDIA_TYPE, received

router = APIRouter(prefix="/payments/v1", tags=["bill files"])

Uploader = Annotated[Caller, Depends(allow(scope="bills:write"))]
FileName = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\\]+$")]


async def _language(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", "")[:200])


Language = Annotated[str, Depends(_language)]

_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.put(
    "/bill-files/{file_name}",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The file as it is, in UTF-8 (with or without a byte order mark) or GB18030, as `charset` "
            "says; Content-Encoding may be gzip.",
            "content": {MEDIA_TYPE: _FILE},
        },
        "x-max-body-bytes": LARGEST_FILE,
        "x-timeout-seconds": 600,
    },
)
async def upload_bill_file(
    request: Request, tx: Tx, caller: Uploader, language: Language, file_name: FileName
) -> schemas.BillFile:
    """Take in a file of bills row by row; rows with faults are refused one by one, the same file changes nothing."""
    async with received(request) as upload:
        return await service.take_in(tx, caller.id, file_name, upload, language)


@router.get("/bill-files/{bill_file_id}")
async def get_bill_file(tx: ReadTx, caller: Uploader, language: Language, bill_file_id: UUID) -> schemas.BillFile:
    """The report of an uploaded file again: what became of its rows."""
    return await service.get_bill_file(tx, caller.id, bill_file_id, language)


@router.get(
    "/bill-files/{bill_file_id}/refused-rows",
    response_model=Page[schemas.RefusedRow],
    responses={
        200: {
            "description": "A page of JSON, or all rows as CSV in the file's encoding.",
            "content": {MEDIA_TYPE: _FILE},
        }
    },
)
async def list_refused_rows(
    request: Request, tx: ReadTx, caller: Uploader, language: Language, bill_file_id: UUID, page: PageQuery
) -> Page[schemas.RefusedRow] | Response:
    """The rows of a file that were refused and why, as pages of JSON or, to Accept: text/csv, all of them as CSV."""
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        return await service.list_refused_rows(tx, caller.id, bill_file_id, page, language)
    file = await service.own_file(tx, caller.id, bill_file_id)
    charset = Encoding.GB18030 if file.encoding == Encoding.GB18030 else Encoding.UTF_8
    disposition = f"attachment; filename*=UTF-8''{quote(f'refused-rows-of-{file.file_name}')}"
    return StreamingResponse(
        service.refused_rows_csv(request.app.state.database, file, language),
        media_type=f"{MEDIA_TYPE}; charset={charset}",
        headers={"Content-Disposition": disposition},
    )
