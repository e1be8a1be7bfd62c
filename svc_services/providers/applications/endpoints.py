from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from sqlalchemy import select

from chassis.auth import Caller, allow, anyone, verified_otherwise
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.callers import ByKind, acting_for_organisations
from kit.etags import NOT_MODIFIED, IfMatch, cacheable, etag_of
from kit.fields.divisions import DivisionCode
from svc_services.callers import Operator, in_reach, only_operators
from svc_services.providers.applications import decisions, limits, schemas, service
from svc_services.providers.applications.dependencies import ProviderEndpoints, Registry
from svc_services.providers.applications.models import ApplicationStatus, Provider, ProviderApplication
from svc_services.providers.key_sources.provider import HttpKeySource
from svc_services.reference.models import UtilityKind
from svc_services.reference.service import require_divisions
from svc_services.settings import Settings

router = APIRouter(prefix="/services/v1", tags=["providers"])
_APPLICANTS = "provider-applications"
_MINUTE = 60
_applying = Depends(anyone(because="a company that is not connected yet has no token"))
only_speakers = ByKind(
    person=allow(scope="applications", assurance_level=2),
    organisation=acting_for_organisations(scope="applications"),
)


async def _applicant(request: Request) -> Caller | None:
    return await only_speakers(request) if request.headers.get("authorization") else None


async def _line(request: Request) -> limits.Line:
    settings: Settings = request.app.state.settings
    return limits.Line(request.client.host if request.client else "", settings.applications_per_address)


ThisLine = Annotated[limits.Line, Depends(_line)]
Applicant = Annotated[Caller | None, Depends(_applicant)]


@router.post(
    "/provider-applications",
    status_code=201,
    dependencies=[_applying],
    openapi_extra={"x-max-body-bytes": 65_536},
)
async def create_provider_application(
    transactions: Transactions,
    applicant: Applicant,
    line: ThisLine,
    once: OnceKey,
    registry: Registry,
    endpoints: ProviderEndpoints,
    body: schemas.NewProviderApplication,
) -> schemas.FiledProviderApplication:
    """Apply to be connected as a provider.

    The answer has the token that reads the application. It is shown once. An organisation that its legal representative
    has claimed is spoken for by them and their agents alone: with their access token, or one in which they act for the
    organisation, whoever applied in its name before is displaced.
    An application that nobody proved expires after 30 days, and a network address makes few of them in an hour.
    """
    uscc = service.normalised_uscc(body.uscc)
    owner = applicant or f"{_APPLICANTS} of {body.uscc}"  # two companies may have chosen the same key
    async with transactions.transaction() as tx:
        await once.claim(tx, owner)
        await limits.admit(tx, applicant, uscc, body.division_codes, line)
    facts = await service.checked(registry, endpoints, body)
    async with transactions.transaction() as tx:
        return await once.do(tx, owner, service.apply(tx, applicant, body, facts))


@router.get("/provider-applications")
async def list_provider_applications(
    tx: ReadTx, caller: Operator, page: PageQuery, status: ApplicationStatus | None = None
) -> Page[schemas.ProviderApplication]:
    """List the applications of companies and their outcomes, newest first."""
    query = select(ProviderApplication).where(in_reach(caller, ProviderApplication.division_codes))
    if status:
        query = query.where(ProviderApplication.status == status)
    return await page_of(tx, query, page, ProviderApplication.id, service.shown, newest_first=True)


@router.get(
    "/provider-applications/{application_id}",
    dependencies=[
        Depends(verified_otherwise(by="the application's token, or an operator's access token with scope staff"))
    ],
)
async def get_provider_application(
    request: Request,
    response: Response,
    tx: ReadTx,
    application_id: UUID,
    application_token: Annotated[str | None, Header(max_length=200)] = None,
) -> schemas.ProviderApplication:
    """Get an application, as its applicant or as an operator."""
    if application_token is not None:
        found = await service.application_read_with(tx, application_id, application_token)
    else:
        found = await service.application_of(tx, await only_operators(request), application_id)
    response.headers["ETag"] = etag_of(found.revision)
    return service.shown(found)


@router.post("/provider-applications/{application_id}/endorse")
async def endorse_provider_application(
    transactions: Transactions,
    caller: Operator,
    once: OnceKey,
    endpoints: ProviderEndpoints,
    application_id: UUID,
    if_match: IfMatch = None,
) -> schemas.ProviderApplication:
    """Confirm an application as the first of two operators.

    The company's sandbox has passed its newest conformance run, in the last 30 days and since its last correction. An
    application that was corrected is confirmed with `If-Match`, the revision that was read. Keys that the company
    publishes are fetched.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        seen = await decisions.seen(tx, caller, application_id, if_match)
    seen = await decisions.with_keys(HttpKeySource(endpoints), seen)
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, decisions.endorse(tx, caller, application_id, seen))


@router.post("/provider-applications/{application_id}/approve")
async def approve_provider_application(
    request: Request,
    transactions: Transactions,
    caller: Operator,
    once: OnceKey,
    endpoints: ProviderEndpoints,
    application_id: UUID,
    if_match: IfMatch = None,
) -> schemas.ProviderApplication:
    """Approve an application and connect the company, as the second of two operators.

    Its systems get tokens with the application's id as `client_id` from now on. An application that was corrected is
    approved with `If-Match`, the revision that was read. Keys that the company publishes are fetched, and again later.
    """
    is_reviewed = request.app.state.settings.onboarding == "reviewed"
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        seen = await decisions.seen(tx, caller, application_id, if_match)
    seen = await decisions.with_keys(HttpKeySource(endpoints), seen)
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, decisions.approve(tx, caller, application_id, seen, is_reviewed=is_reviewed))


@router.post("/provider-applications/{application_id}/refuse")
async def refuse_provider_application(
    tx: Tx,
    caller: Operator,
    once: OnceKey,
    application_id: UUID,
    body: schemas.ApplicationRefusal,
    if_match: IfMatch = None,
) -> schemas.ProviderApplication:
    """Refuse an application, with a reason.

    The company may apply again. One that was corrected is refused with `If-Match`, the revision that was read.
    """
    return await once.do(tx, caller, decisions.refuse(tx, caller, application_id, body.reason, if_match))


_public = [Depends(anyone(because="which companies are connected is public"))]


@router.get("/providers", dependencies=_public, response_model=Page[schemas.Provider], responses=NOT_MODIFIED)
async def list_providers(
    request: Request,
    tx: ReadTx,
    page: PageQuery,
    kind: UtilityKind | None = None,
    division_code: DivisionCode | None = None,
) -> Response:
    """List the connected providers, by kind of utility and by division."""
    query = select(Provider)
    if kind:
        query = query.where(Provider.kind == kind)
    if division_code:
        await require_divisions(tx, [division_code])
        query = query.where(Provider.serves(division_code))
    return cacheable(request, await page_of(tx, query, page, Provider.id, service.shown_provider), seconds=_MINUTE)


@router.get("/providers/{provider_id}", dependencies=_public, response_model=schemas.Provider, responses=NOT_MODIFIED)
async def get_provider(request: Request, tx: ReadTx, provider_id: UUID) -> Response:
    """Get a connected provider."""
    return cacheable(request, service.shown_provider(await service.provider_of(tx, provider_id)), seconds=_MINUTE)
