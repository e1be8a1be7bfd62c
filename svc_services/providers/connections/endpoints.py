from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Request
from sqlalchemy import select

from chassis.auth import Caller, allow, verified_otherwise
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.callers import OPERATOR, SECURITY_OFFICER, Operator, in_reach, only_operators
from svc_services.providers.applications.dependencies import EndpointProber, ProviderEndpoints
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections import proofs, queries, schemas, service
from svc_services.providers.connections.models import ChangeStatus, ProviderChange

router = APIRouter(prefix="/services/v1", tags=["providers"])

_rule = Depends(
    verified_otherwise(
        by="an operator's access token with scope staff, or the company's application token and a proof signed by its "
        "key"
    )
)
Reader = Annotated[Caller, Depends(allow(scope="staff", role=("operator", "auditor")))]
Guard = Annotated[Caller, Depends(allow(scope="staff", role=(OPERATOR, SECURITY_OFFICER)))]


async def _party(
    request: Request,
    transactions: Transactions,
    provider_id: UUID,
    application_token: Annotated[str | None, Header(max_length=200)] = None,
    company_proof: Annotated[str | None, Header(max_length=8192)] = None,
) -> service.Party:
    if application_token is None and company_proof is None:
        return await only_operators(request)
    signed = proofs.SignedRequest(request.method, request.url.path, await request.body())
    async with transactions.read() as tx:
        return await proofs.verified(tx, provider_id, application_token or "", company_proof or "", signed)


ThisParty = Annotated[service.Party, Depends(_party)]


def _owner(party: service.Party) -> Caller | str:
    """Whose idempotency keys a request uses."""
    return party if isinstance(party, Caller) else f"company of {party.provider_id}"


@router.get("/providers/{provider_id}/connection", dependencies=[_rule])
async def get_provider_connection(tx: ReadTx, party: ThisParty, provider_id: UUID) -> schemas.Connection:
    """Get a provider's endpoint, its keys, and whether it is suspended."""
    return await service.connection_of(tx, party, provider_id)


@router.post("/providers/{provider_id}/suspend", dependencies=[_rule])
async def suspend_provider(
    tx: Tx, party: ThisParty, once: OnceKey, provider_id: UUID, body: schemas.Suspension
) -> schemas.ProviderChange:
    """Suspend a provider at once, as its company or as one operator.

    Its client gets no tokens, those it has are refused, and nothing is sent to its endpoint. Payments already made
    wait; they are booked after resumption or refunded when the provider's time limit has passed.
    """
    return await once.do(tx, _owner(party), service.suspend(tx, party, provider_id, body.reason))


@router.post("/providers/{provider_id}/stop-key")
async def stop_provider_key(
    tx: Tx, caller: Guard, once: OnceKey, provider_id: UUID, body: schemas.KeyStop
) -> schemas.ProviderChange:
    """Revoke a leaked key at once, as one operator or security officer.

    It gets no tokens, and those it has are refused within five seconds. The last key in force stays: suspend the
    provider where that one has leaked.
    """
    return await once.do(tx, caller, service.stop_key(tx, caller, provider_id, body))


@router.post("/providers/{provider_id}/changes", status_code=201, dependencies=[_rule])
async def change_provider(
    transactions: Transactions,
    party: ThisParty,
    once: OnceKey,
    endpoints: ProviderEndpoints,
    prober: EndpointProber,
    provider_id: UUID,
    body: Annotated[schemas.NewProviderChange, Body()],
) -> schemas.ProviderChange:
    """Resume a provider, add or end a key, correct the endpoint, or declare how its account numbers look.

    A change by the company takes effect at once; one by an operator is a proposal that another operator approves
    within seven days. An endpoint is accepted that answers a signed call now; until then the former one is called.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, _owner(party))
        seen = await service.connection_of(tx, party, provider_id)
    wanted = await service.checked(endpoints, prober, seen, body)
    async with transactions.transaction() as tx:
        return await once.do(tx, _owner(party), service.request(tx, party, provider_id, wanted))


@router.get("/provider-changes")
async def list_provider_changes(
    tx: ReadTx, caller: Reader, page: PageQuery, status: ChangeStatus | None = None, provider_id: UUID | None = None
) -> Page[schemas.ProviderChange]:
    """List the changes of connections, newest first; `status=proposed` is what waits for a second operator."""
    query = select(ProviderChange).join(Provider).where(in_reach(caller, Provider.division_codes))
    if status:
        query = query.where(ProviderChange.status == status)
    if provider_id:
        query = query.where(ProviderChange.provider_id == provider_id)
    return await page_of(tx, query, page, ProviderChange.id, queries.shown, newest_first=True)


@router.post("/provider-changes/{provider_change_id}/approve")
async def approve_provider_change(
    tx: Tx, caller: Operator, once: OnceKey, provider_change_id: UUID
) -> schemas.ProviderChange:
    """Approve another operator's proposal and carry it out.

    What the company asks for is approved by two operators; after the first one it is still `proposed`.
    """
    return await once.do(tx, caller, service.approve(tx, caller, provider_change_id))


@router.post("/provider-changes/{provider_change_id}/reject")
async def reject_provider_change(
    tx: Tx, caller: Operator, once: OnceKey, provider_change_id: UUID
) -> schemas.ProviderChange:
    """Reject a proposal, or withdraw one's own."""
    return await once.do(tx, caller, service.reject(tx, caller, provider_change_id))
