from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from chassis.auth import anyone
from chassis.db import ReadTx, Transactions
from kit.etags import etag_of_content, is_known
from kit.papers import PdfResponse
from svc_payments.collection.payments import service as payments
from svc_payments.documents.receipts import pages, pdf, schemas, service
from svc_payments.documents.receipts.words import choose
from svc_payments.parties.callers import PayingResident
from svc_payments.settings import Settings, TheSettings

router = APIRouter(prefix="/payments/v1", tags=["receipts"])

_HOLDERS = Depends(anyone(because="the holder of a receipt may check that it is genuine"))
PDF: dict[int | str, dict[str, Any]] = {
    200: {"description": "The receipt, as PDF/A."},
    304: {"description": "The client has this receipt already."},
}
_NO_SUCH_RECEIPT: dict[int | str, dict[str, Any]] = {
    404: {"description": "The page, with no receipt found.", "content": {"text/html": {"schema": {"type": "string"}}}}
}
_TOGETHER = 24
"""A paper of some pages: a year of two companies, or four months of six."""
_PAGE = "/payments/v1/verify-receipt"
Code = Annotated[str, Path(max_length=100, description="As it is printed, with or without its hyphens.")]


@router.get("/payments/{payment_id}/receipt")
async def get_receipt(tx: ReadTx, caller: PayingResident, payment_id: UUID) -> schemas.Receipt:
    """Get the receipt of a payment, available from its capture."""
    return await service.receipt_of(tx, await payments.own_payment(tx, caller.id, payment_id))


@router.get("/payments/{payment_id}/receipt.pdf", response_class=PdfResponse, responses=PDF)
async def print_receipt(
    caller: PayingResident, transactions: Transactions, settings: TheSettings, request: Request, payment_id: UUID
) -> Response:
    """Download the receipt of a payment as PDF, with its verification code.

    In Chinese, and beside it in the language of Accept-Language: en, kk-Arab or ug.
    """
    async with transactions.transaction() as tx:
        receipt = await service.receipt_of(tx, await payments.own_payment(tx, caller.id, payment_id))
        code = await service.code_of(tx, payment_id)
    return await printed_for(request, receipt, code, settings)


@router.get("/combined-receipt.pdf", response_class=PdfResponse, responses=PDF)
async def print_combined_receipt(
    caller: PayingResident,
    transactions: Transactions,
    settings: TheSettings,
    request: Request,
    payment_ids: Annotated[set[UUID], Query(alias="payment_id", min_length=2, max_length=_TOGETHER)],
) -> Response:
    """Download the receipts of several payments of the caller on one paper, whatever companies they went to.

    Each has its own number and verification code, as on a receipt of its own.
    """
    async with transactions.transaction() as tx:
        paid = [await payments.own_payment(tx, caller.id, each) for each in sorted(payment_ids)]
        receipts = [(await service.receipt_of(tx, each), await service.code_of(tx, each.id)) for each in paid]
    language = choose(request.headers.get("accept-language", ""))
    content = await pdf.printed_together(receipts, f"{settings.public_url}{_PAGE}", language)
    return _answer(request, content, "receipts", language)


async def printed_for(request: Request, receipt: schemas.Receipt, code: str, settings: Settings) -> Response:
    """The receipt as PDF, or 304 when the client has it."""
    language = choose(request.headers.get("accept-language", ""))
    content = await pdf.printed(receipt, code, f"{settings.public_url}{_PAGE}", language)
    return _answer(request, content, f"receipt-{receipt.receipt_number}", language)


def _answer(request: Request, content: bytes, name: str, language: str) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "Content-Language": language,
        "ETag": etag_of_content(content),
        "Vary": "Accept-Language, Authorization",
    }
    if is_known(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return PdfResponse(content, headers=headers)


@router.get("/receipt-verifications/{code}", dependencies=[_HOLDERS])
async def verify_receipt(tx: ReadTx, code: Code) -> schemas.ReceiptVerification:
    """Verify a receipt by its code, and get the current state of its money.

    The answer does not say who paid.
    """
    return await service.verify(tx, code)


@router.get("/verify-receipt", dependencies=[_HOLDERS], response_class=HTMLResponse, responses=_NO_SUCH_RECEIPT)
async def show_verification(
    tx: ReadTx, request: Request, code: Annotated[str | None, Query(max_length=100)] = None
) -> HTMLResponse:
    """Show the page that verifies a receipt.

    The QR code on a receipt leads here.
    """
    language = choose(request.headers.get("accept-language", ""))
    if code is None or not code.strip():
        return pages.page(language)
    try:
        return pages.page(language, typed=code, found=await service.verify(tx, code))
    except service.ReceiptNotFound:
        return pages.page(language, typed=code, status=404)
