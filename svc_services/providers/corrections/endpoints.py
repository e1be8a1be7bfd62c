from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from sqlalchemy import select

from chassis.auth import Caller, verified_otherwise
from chassis.db import ReadTx, Transactions
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.etags import IfMatch, etag_of
from svc_services.providers.applications.dependencies import ProviderEndpoints
from svc_services.providers.applications.endpoints import only_speakers
from svc_services.providers.applications.schemas import ProviderApplication
from svc_services.providers.applications.service import application_read_with
from svc_services.providers.conformance.endpoints import ThisParty
from svc_services.providers.corrections import schemas, service
from svc_services.providers.corrections.models import ApplicationCorrection

router = APIRouter(prefix="/services/v1/provider-applications/{application_id}/corrections", tags=["providers"])


@dataclass(frozen=True)
class Author:
    """Who corrects which state."""

    owner: Caller | str
    """Whose idempotency keys a request uses."""
    if_match: str | None

    @property
    def speaker(self) -> Caller | None:
        """Who speaks for the company; None: whoever holds the application's token."""
        return self.owner if isinstance(self.owner, Caller) else None


async def _author(
    request: Request,
    transactions: Transactions,
    application_id: UUID,
    application_token: Annotated[str | None, Header(max_length=200)] = None,
    if_match: IfMatch = None,
) -> Author:
    if application_token is None or request.headers.get("authorization"):
        return Author(await only_speakers(request), if_match)
    async with transactions.read() as tx:
        await application_read_with(tx, application_id, application_token)
    return Author(f"applicant of {application_id}", if_match)


@router.post(
    "",
    dependencies=[
        Depends(
            verified_otherwise(
                by="the application's token, or an access token with scope applications of who speaks for the company"
            )
        )
    ],
    openapi_extra={"x-max-body-bytes": 65_536},
)
async def correct_provider_application(
    transactions: Transactions,
    author: Annotated[Author, Depends(_author)],
    response: Response,
    once: OnceKey,
    endpoints: ProviderEndpoints,
    application_id: UUID,
    body: schemas.NewApplicationCorrection,
) -> ProviderApplication:
    """Amend an application that is not decided yet.

    Passed conformance runs and an endorsement count no more, as they were about what it said before. The application of
    an organisation that was claimed is corrected by its representative and agents, with their access token.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, author.owner)
    wanted = await service.checked(endpoints, body)
    async with transactions.transaction() as tx:
        work = service.correct(tx, author.speaker, application_id, wanted, author.if_match)
        corrected = await once.do(tx, author.owner, work)
    response.headers["ETag"] = etag_of(corrected.revision)
    return corrected


@router.get(
    "",
    dependencies=[
        Depends(verified_otherwise(by="the application's token, or an operator's access token with scope staff"))
    ],
)
async def list_application_corrections(
    tx: ReadTx, _party: ThisParty, page: PageQuery, application_id: UUID
) -> Page[schemas.ApplicationCorrection]:
    """List the corrections of an application, newest first."""
    query = select(ApplicationCorrection).where(ApplicationCorrection.application_id == application_id)
    return await page_of(tx, query, page, ApplicationCorrection.id, service.shown_correction, newest_first=True)
