"""What an applicant does with its application's token, and an operator with theirs."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from sqlalchemy import select

from chassis.auth import Caller, verified_otherwise
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import preferred_language
from svc_services.callers import only_operators
from svc_services.providers.applications import service as applications
from svc_services.providers.applications.dependencies import ProviderEndpoints
from svc_services.providers.conformance import presenters, schemas, service
from svc_services.providers.conformance.models import ConformanceRun

router = APIRouter(prefix="/services/v1/provider-applications/{application_id}", tags=["providers"])
_rule = Depends(verified_otherwise(by="the application's token, or an operator's access token with scope staff"))


@dataclass(frozen=True)
class Party:
    """Who has shown that the application concerns them."""

    owner: Caller | str
    """Whose idempotency keys a request uses."""

    @property
    def operator(self) -> Caller | None:
        return self.owner if isinstance(self.owner, Caller) else None


async def _party(
    request: Request,
    transactions: Transactions,
    application_id: UUID,
    application_token: Annotated[str | None, Header(max_length=200)] = None,
) -> Party:
    if application_token is None:
        caller = await only_operators(request)
        async with transactions.read() as tx:
            await applications.application_of(tx, caller, application_id)
        return Party(caller)
    async with transactions.read() as tx:
        await applications.application_read_with(tx, application_id, application_token)
    return Party(f"applicant of {application_id}")


async def _language(accept_language: Annotated[str, Header(max_length=1000)] = "") -> str:
    return preferred_language(accept_language)


ThisParty = Annotated[Party, Depends(_party)]
Language = Annotated[str, Depends(_language)]


@router.get("/sandbox", dependencies=[_rule])
async def get_provider_sandbox(tx: ReadTx, _party: ThisParty, application_id: UUID) -> schemas.ProviderSandbox:
    """Get the sandbox of an application: its endpoint, and the accounts invented for it."""
    return await service.sandbox_of(tx, application_id)


@router.post("/sandbox", dependencies=[_rule])
async def name_provider_sandbox(
    transactions: Transactions,
    party: ThisParty,
    once: OnceKey,
    endpoints: ProviderEndpoints,
    application_id: UUID,
    body: schemas.SandboxNaming,
) -> schemas.ProviderSandbox:
    """Set where the company's test system answers, and get the accounts to load into it."""
    async with transactions.transaction() as tx:
        await once.claim(tx, party.owner)
    endpoint_url = await endpoints.accepted(body.endpoint_url)
    async with transactions.transaction() as tx:
        return await once.do(tx, party.owner, service.name_sandbox(tx, application_id, endpoint_url))


@router.get("/conformance-runs", dependencies=[_rule])
async def list_conformance_runs(
    tx: ReadTx, _party: ThisParty, page: PageQuery, application_id: UUID
) -> Page[schemas.ConformanceRunSummary]:
    """List the conformance runs of an application, newest first."""
    query = select(ConformanceRun).where(ConformanceRun.application_id == application_id)
    return await page_of(tx, query, page, ConformanceRun.id, presenters.summary, newest_first=True)


@router.post("/conformance-runs", status_code=201, dependencies=[_rule])
async def start_conformance_run(
    tx: Tx, party: ThisParty, once: OnceKey, application_id: UUID, language: Language
) -> schemas.ConformanceRun:
    """Start a conformance run: the platform calls the sandbox and tries every rule of the contract.

    It takes some seconds, then awaits that the sandbox is restarted and the run resumed. One run at a time, ten in 24
    hours.
    """
    return await once.do(tx, party.owner, service.start(tx, application_id, party.operator, language))


@router.get("/conformance-runs/{run_id}", dependencies=[_rule])
async def get_conformance_run(
    tx: ReadTx, _party: ThisParty, application_id: UUID, run_id: UUID, language: Language
) -> schemas.ConformanceRun:
    """Get the report of a conformance run: every rule, what was sent and what came."""
    return await service.run_of(tx, application_id, run_id, language)


@router.post("/conformance-runs/{run_id}/resume", dependencies=[_rule])
async def resume_conformance_run(
    tx: Tx, party: ThisParty, once: OnceKey, application_id: UUID, run_id: UUID, language: Language
) -> schemas.ConformanceRun:
    """Resume a conformance run after the sandbox was restarted.

    What was answered before must be answered after, and what was refused must be refused. The run awaits this for four
    minutes.
    """
    return await once.do(tx, party.owner, service.resume(tx, application_id, run_id, language))
