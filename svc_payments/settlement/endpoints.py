from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from chassis.text import Day
from kit.callers import ByKind
from kit.papers import PdfResponse
from kit.staff.reach import allow_of_whole
from kit.tables import CsvResponse, XlsxResponse
from svc_payments.oversight.audit import service as audit
from svc_payments.reconciliation.statements import schemas as statement_schemas
from svc_payments.settings import Settings
from svc_payments.settlement import models, papers, schemas, service, transfers

router = APIRouter(prefix="/payments/v1", tags=["settlement"])

Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role="operator"))]
Reader = Annotated[
    Caller,
    Depends(
        ByKind(person=allow_of_whole(scope="staff", role=("operator", "auditor")), client=allow(scope="bills:write"))
    ),
]
STAFF = [Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))]


class FileEncoding(StrEnum):
    UTF_8 = "utf-8"
    GB18030 = "gb18030"


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


@router.post("/settlements/close", status_code=201)
async def close_settlement_day(
    tx: Tx, caller: Operator, once: OnceKey, settings: Annotated[Settings, Depends(_settings)], body: schemas.CloseDay
) -> schemas.ClosedDay:
    """Close a day's settlement for every provider.

    The worker does the same each morning.
    """
    return await once.do(tx, caller, service.close_by_hand(tx, caller, body, settings))


@router.get("/settlements")
async def list_settlements(
    tx: ReadTx, caller: Reader, page: PageQuery, provider_id: UUID | None = None, day: Day | None = None
) -> Page[schemas.Settlement]:
    """List settlements, newest first; a provider sees its own."""
    query = select(models.Settlement)
    if caller.kind == "client":
        provider_id = caller.id
    if provider_id:
        query = query.where(models.Settlement.provider_id == provider_id)
    if day:
        query = query.where(models.Settlement.day == day)
    return await page_of(tx, query, page, models.Settlement.id, schemas.shown, newest_first=True)


@router.get("/settlements/{settlement_id}")
async def get_settlement(tx: ReadTx, caller: Reader, settlement_id: UUID) -> schemas.Settlement:
    """Get a settlement."""
    return schemas.shown(await service.visible(tx, caller, settlement_id))


@router.get("/settlements/{settlement_id}/statement.pdf", response_class=PdfResponse)
async def get_settlement_as_pdf(tx: ReadTx, caller: Reader, settlement_id: UUID) -> PdfResponse:
    """Download a settlement's figures as PDF."""
    settlement = await service.visible(tx, caller, settlement_id)
    return PdfResponse(await papers.as_pdf(tx, settlement), headers=_named(settlement, "pdf"))


@router.get("/settlements/{settlement_id}/statement.csv", response_class=CsvResponse)
async def get_settlement_as_csv(database: Transactions, caller: Reader, settlement_id: UUID) -> StreamingResponse:
    """Download every line of a settlement as CSV (UTF-8 with a byte order mark)."""
    async with database.read() as tx:
        settlement = await service.visible(tx, caller, settlement_id)
    lines = papers.as_csv(papers.Statement(database, settlement))
    return CsvResponse(lines, headers=_named(settlement, "csv"))


@router.get("/settlements/{settlement_id}/statement.xlsx", response_class=XlsxResponse)
async def get_settlement_as_xlsx(database: Transactions, caller: Reader, settlement_id: UUID) -> StreamingResponse:
    """Download a settlement's figures and lines as a workbook."""
    async with database.read() as tx:
        settlement = await service.visible(tx, caller, settlement_id)
    book = await papers.as_xlsx(papers.Statement(database, settlement))
    return XlsxResponse(book, headers=_named(settlement, "xlsx"))


def _named(settlement: models.Settlement, suffix: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="settlement-{settlement.day}.{suffix}"',
    }


@router.post("/transfer-files", status_code=201)
async def generate_transfer_file(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.Because
) -> schemas.GeneratedTransferFile:
    """Generate a file of bank instructions for every closed settlement.

    No settlement is ever in two files. A provider with a settlement that does not follow from the ledger is left out.
    """
    return await once.do(tx, caller, service.generate_file(tx, caller, body.reason))


@router.get("/transfer-files", dependencies=STAFF)
async def list_transfer_files(tx: ReadTx, page: PageQuery) -> Page[schemas.TransferFile]:
    """List files of bank instructions, newest first."""
    query = select(models.TransferFile)
    return await page_of(tx, query, page, models.TransferFile.id, schemas.shown_file, newest_first=True)


_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/transfer-files/{transfer_file_id}/content", response_class=Response, responses=_FILE)
async def get_transfer_file_content(
    tx: Tx, caller: Operator, transfer_file_id: UUID, encoding: FileEncoding = FileEncoding.UTF_8
) -> Response:
    """Download a file of bank instructions.

    Its last line has the number and sum of the transfers and the SHA-256 of the lines above it in UTF-8.
    """
    file = await tx.get(models.TransferFile, transfer_file_id)
    if file is None:
        raise NotFound
    await audit.record(tx, caller, "fetch_transfer_file", file.id)
    name = {"Content-Disposition": f'attachment; filename="{file.number}.csv"', "Cache-Control": "no-store"}
    return Response(file.content.decode().encode(encoding), media_type=f"text/csv; charset={encoding}", headers=name)


@router.post("/transfer-files/{transfer_file_id}/sent")
async def send_transfer_file(
    tx: Tx, caller: Operator, once: OnceKey, transfer_file_id: UUID, body: schemas.Because
) -> schemas.TransferFile:
    """Record that the bank has received a file of instructions.

    The person who generated the file cannot record it.
    """
    send = partial(transfers.send, tx, caller, transfer_file_id, body.reason)
    return await once.do(tx, caller, service.changed_file(tx, send))


@router.post("/transfer-files/{transfer_file_id}/confirmed")
async def confirm_transfer_file(
    tx: Tx, caller: Operator, once: OnceKey, transfer_file_id: UUID, body: schemas.Because
) -> schemas.TransferFile:
    """Confirm that the bank has paid every transfer of a file."""
    confirm = partial(transfers.confirm, tx, caller, transfer_file_id, body.reason)
    return await once.do(tx, caller, service.changed_file(tx, confirm))


@router.post("/statements/{statement_id}/funds")
async def confirm_channel_funds(
    tx: Tx, caller: Operator, once: OnceKey, statement_id: UUID, body: schemas.ChannelFunds
) -> statement_schemas.Statement:
    """Confirm that a channel's money of a day has reached the bank.

    The amount is that of the channel's statement, less refunds and fees.
    """
    return await once.do(tx, caller, service.confirm_funds(tx, caller, statement_id, body))
