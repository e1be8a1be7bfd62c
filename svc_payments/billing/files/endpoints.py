from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from svc_payments.billing.files import downloads, schemas, service
from svc_payments.billing.files.schemas import FILE_CONTENT
from svc_payments.parties.callers import BillSender, Language

router = APIRouter(prefix="/payments/v1", tags=["bill files"])

# A file is sent under its name and read by its id: one address, so its parameter has one name.
A_FILE = "/bill-files/{bill_file}"

BillFileId = Annotated[UUID, Path(alias="bill_file", description="The file's `bill_file_id`.")]


@router.get(A_FILE)
async def get_bill_file(
    tx: ReadTx, caller: BillSender, language: Language, bill_file_id: BillFileId
) -> schemas.BillFile:
    """Get the report of an uploaded bill file."""
    return await service.get_bill_file(tx, caller.id, bill_file_id, language)


@router.get(
    "/bill-files/{bill_file_id}/refused-rows",
    response_model=Page[schemas.RefusedRow],
    responses={
        200: {
            "description": "A page of JSON, or all rows as CSV in the file's encoding or as a spreadsheet.",
            "content": FILE_CONTENT,
        }
    },
)
async def list_refused_rows(
    request: Request, tx: ReadTx, caller: BillSender, language: Language, bill_file_id: UUID, page: PageQuery
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
    disposition = f"attachment; filename*=UTF-8''{quote(download.name(file))}"
    return StreamingResponse(
        download.write(request.app.state.database, file, language),
        media_type=download.media_type,
        headers={
            "Content-Disposition": disposition,
            "Content-Language": language,
            "Vary": "Accept, Accept-Language",
        },
    )
