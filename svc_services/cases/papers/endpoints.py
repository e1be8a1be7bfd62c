from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from chassis.auth import anyone
from chassis.db import Database, ReadTx, Transactions
from kit.papers import PdfResponse
from svc_services.cases.applications import service as applications
from svc_services.cases.counter import service as counter
from svc_services.cases.counter.endpoints import Clerk
from svc_services.cases.data_reads.service import PAPER, record_read
from svc_services.cases.materials.endpoints import Applicant
from svc_services.cases.papers import pages, schemas, service
from svc_services.cases.papers.pdf import Subject
from svc_services.cases.papers.refusals import PaperNotFound, TooManyPaperChecks
from svc_services.cases.papers.texts import choose
from svc_services.cases.queue.endpoints import Staff
from svc_services.settings import TheSettings

router = APIRouter(prefix="/services/v1", tags=["papers"])
_HOLDERS = Depends(anyone(because="the holder of a paper may check that it is genuine"))
_PAGE = "/services/v1/verify-paper"
_PDF: dict[int | str, dict[str, Any]] = {200: {"description": "The paper, as PDF/A."}}
_AS_PAGE = {"text/html": {"schema": {"type": "string"}}}
_NO_SUCH_PAPER: dict[int | str, dict[str, Any]] = {
    404: {"description": "The page, with no paper found.", "content": _AS_PAGE},
    429: {"description": "The same, after too many wrong codes.", "content": _AS_PAGE},
}
Code = Annotated[str, Path(max_length=100, description="As it is printed, with or without its hyphens.")]
Position = Annotated[int, Path(ge=1, le=10_000, description="Of the step that the paper is of.")]


@router.get("/applications/{application_id}/papers")
async def list_papers(tx: ReadTx, caller: Applicant, application_id: UUID) -> schemas.AvailablePapers:
    """List the papers that there are of one's own application."""
    return await service.available(tx, await applications.own(tx, caller.id, application_id))


@router.get("/applications/{application_id}/papers/{position}", response_class=PdfResponse, responses=_PDF)
async def download_paper(
    request: Request, caller: Applicant, database: Transactions, application_id: UUID, position: Position
) -> Response:
    """Download a paper of one's own application, in Chinese and beside it in the language of Accept-Language.

    It is made at the first request, and the same file from then on.
    """
    async with database.read() as tx:
        case = await applications.own(tx, caller.id, application_id)
        subject = await service.subject_of(tx, case, position)
    return await _printed(request, database, subject)


@router.get("/application-queue/{application_id}/papers/{position}", response_class=PdfResponse, responses=_PDF)
async def download_case_paper(
    request: Request, caller: Staff, database: Transactions, application_id: UUID, position: Position
) -> Response:
    """Download a paper of a case of one's divisions, to hand it over; the applicant sees that it was read."""
    async with database.transaction() as tx:
        case = await applications.of_staff(tx, caller, application_id)
        subject = await service.subject_of(tx, case, position)
        await record_read(tx, caller, case, PAPER, subject.step.id)
    return await _printed(request, database, subject)


@router.get("/counter-filings/{filing_id}/receipt", response_class=PdfResponse, responses=_PDF)
async def download_counter_receipt(
    request: Request, caller: Clerk, database: Transactions, filing_id: UUID
) -> Response:
    """Download the receipt of what one has taken in, to hand it over; the applicant sees that it was read."""
    async with database.transaction() as tx:
        case = await counter.taken_in(tx, caller, filing_id)
        subject = await service.subject_of(tx, case, 1)
        await record_read(tx, caller, case, PAPER, subject.step.id)
    return await _printed(request, database, subject)


@router.get("/paper-verifications/{code}", dependencies=[_HOLDERS])
async def verify_paper(
    request: Request, database: Transactions, settings: TheSettings, code: Code
) -> schemas.PaperVerification:
    """Verify a paper by its code.

    The answer does not say whose it is.
    """
    return await service.verify(database, code, _address(request), settings.paper_checks_per_address)


@router.get("/verify-paper", dependencies=[_HOLDERS], response_class=HTMLResponse, responses=_NO_SUCH_PAPER)
async def show_paper_verification(
    request: Request,
    database: Transactions,
    settings: TheSettings,
    code: Annotated[str | None, Query(max_length=100)] = None,
) -> HTMLResponse:
    """Show the page that verifies a paper.

    The QR code on a paper leads here.
    """
    language = choose(request.headers.get("accept-language", ""))
    if code is None or not code.strip():
        return pages.page(language)
    try:
        found = await service.verify(database, code, _address(request), settings.paper_checks_per_address)
    except (PaperNotFound, TooManyPaperChecks) as refused:
        page = pages.page(language, typed=code, status=refused.status)
        page.headers.update(refused.headers)
        return page
    return pages.page(language, typed=code, found=found)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _printed(request: Request, database: Database, subject: Subject) -> Response:
    language = choose(request.headers.get("accept-language", ""))
    verify_at = f"{request.app.state.settings.public_url}{_PAGE}"
    made = await service.paper_of(database, subject, verify_at, language)
    name = f"{subject.kind}-{subject.case.case_number}-{subject.step.position}.pdf"
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Language": language,
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Vary": "Accept-Language, Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    return PdfResponse(made.content, headers=headers)
