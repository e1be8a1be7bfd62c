from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from chassis.db import Database, Transactions
from kit.tables import CsvResponse, XlsxResponse
from svc_payments.collection.payments.queries import Wanted, WantedPayments
from svc_payments.documents.exports import service
from svc_payments.documents.receipts.words import choose, words_in
from svc_payments.parties.callers import PayingResident

router = APIRouter(prefix="/payments/v1", tags=["payments"])


@router.get("/payments.csv", response_class=CsvResponse)
async def export_payments_as_csv(
    caller: PayingResident, database: Transactions, wanted: WantedPayments, request: Request
) -> StreamingResponse:
    """Export the caller's payments as CSV (UTF-8 with a byte order mark), one line each.

    The filters are those of the list.
    """
    export, headers = _export(caller.id, database, wanted, request, "csv")
    return CsvResponse(service.as_csv(export), headers=headers)


@router.get("/payments.xlsx", response_class=XlsxResponse)
async def export_payments_as_xlsx(
    caller: PayingResident, database: Transactions, wanted: WantedPayments, request: Request
) -> StreamingResponse:
    """Export the caller's payments as a workbook.

    The filters are those of the list.
    """
    export, headers = _export(caller.id, database, wanted, request, "xlsx")
    return XlsxResponse(await service.as_xlsx(export), headers=headers)


def _export(
    person_id: UUID, database: Database, wanted: Wanted, request: Request, suffix: str
) -> tuple[service.Export, dict[str, str]]:
    language = choose(request.headers.get("accept-language", ""))
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="payments.{suffix}"',
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return service.Export(database, person_id, wanted, words_in(language)), headers
