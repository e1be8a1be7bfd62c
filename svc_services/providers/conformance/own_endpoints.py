"""The same for the people of a company that is connected already."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.providers.applications.dependencies import ProviderEndpoints
from svc_services.providers.conformance import presenters, schemas, service
from svc_services.providers.conformance.endpoints import Language
from svc_services.providers.conformance.models import ConformanceRun
from svc_services.providers.own_company.endpoints import Admin, Member
from svc_services.providers.own_company.service import ADMIN, OPERATOR, own_provider

router = APIRouter(prefix="/services/v1/me/providers/{provider_id}", tags=["providers"])


@router.get("/sandbox")
async def get_own_sandbox(tx: ReadTx, caller: Member, provider_id: UUID) -> schemas.ProviderSandbox:
    """Get the sandbox of an own provider: its endpoint, and the accounts invented for it."""
    await own_provider(tx, caller, provider_id, ADMIN, OPERATOR)
    return await service.sandbox_of(tx, provider_id)


@router.post("/sandbox")
async def name_own_sandbox(
    transactions: Transactions,
    caller: Admin,
    once: OnceKey,
    endpoints: ProviderEndpoints,
    provider_id: UUID,
    body: schemas.SandboxNaming,
) -> schemas.ProviderSandbox:
    """Set where the own company's test system answers, and get the accounts to load into it."""
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        await own_provider(tx, caller, provider_id, ADMIN)
    endpoint_url = await endpoints.accepted(body.endpoint_url)
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, service.name_sandbox(tx, provider_id, endpoint_url))


@router.get("/conformance-runs")
async def list_own_conformance_runs(
    tx: ReadTx, caller: Member, page: PageQuery, provider_id: UUID
) -> Page[schemas.ConformanceRunSummary]:
    """List the conformance runs of an own provider, newest first."""
    await own_provider(tx, caller, provider_id, ADMIN, OPERATOR)
    query = select(ConformanceRun).where(ConformanceRun.application_id == provider_id)
    return await page_of(tx, query, page, ConformanceRun.id, presenters.summary, newest_first=True)


@router.post("/conformance-runs", status_code=201)
async def start_own_conformance_run(
    tx: Tx, caller: Admin, once: OnceKey, provider_id: UUID, language: Language
) -> schemas.ConformanceRun:
    """Start a conformance run of an own provider, such as before a new release of its system."""
    await own_provider(tx, caller, provider_id, ADMIN)
    return await once.do(tx, caller, service.start(tx, provider_id, caller, language))


@router.get("/conformance-runs/{run_id}")
async def get_own_conformance_run(
    tx: ReadTx, caller: Member, provider_id: UUID, run_id: UUID, language: Language
) -> schemas.ConformanceRun:
    """Get the report of a conformance run of an own provider."""
    await own_provider(tx, caller, provider_id, ADMIN, OPERATOR)
    return await service.run_of(tx, provider_id, run_id, language)


@router.post("/conformance-runs/{run_id}/resume")
async def resume_own_conformance_run(
    tx: Tx, caller: Admin, once: OnceKey, provider_id: UUID, run_id: UUID, language: Language
) -> schemas.ConformanceRun:
    """Resume a conformance run of an own provider after the sandbox was restarted."""
    await own_provider(tx, caller, provider_id, ADMIN)
    return await once.do(tx, caller, service.resume(tx, provider_id, run_id, language))
