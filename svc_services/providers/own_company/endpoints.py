from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.providers.applications.dependencies import EndpointProber, ProviderEndpoints
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections import queries
from svc_services.providers.connections import service as connections
from svc_services.providers.connections.models import Action, ProviderChange
from svc_services.providers.connections.schemas import NewProviderChange, Suspension
from svc_services.providers.connections.schemas import ProviderChange as ShownChange
from svc_services.providers.own_company import schemas, service
from svc_services.providers.own_company.service import ADMIN, OPERATOR

router = APIRouter(prefix="/services/v1/me/providers", tags=["providers"])

Admin = Annotated[Caller, Depends(allow(scope="staff", role=ADMIN))]
Member = Annotated[Caller, Depends(allow(scope="staff", role=(ADMIN, OPERATOR)))]


@router.get("")
async def list_own_providers(tx: ReadTx, caller: Member, page: PageQuery) -> Page[schemas.OwnProvider]:
    """List the providers of the caller's own company: endpoint, keys with their terms, contact, suspension."""
    query = service.own_providers(caller, ADMIN, OPERATOR)
    found = await page_of(tx, query, page, Provider.id, lambda provider: provider)
    return Page(items=[await service.shown(tx, each) for each in found.items], next_cursor=found.next_cursor)


@router.get("/{provider_id}")
async def get_own_provider(tx: ReadTx, caller: Member, provider_id: UUID) -> schemas.OwnProvider:
    """Get a provider of the caller's own company: endpoint, keys with their terms, contact, suspension."""
    return await service.shown(tx, await service.own_provider(tx, caller, provider_id, ADMIN, OPERATOR))


@router.get("/{provider_id}/changes")
async def list_own_provider_changes(
    tx: ReadTx, caller: Member, page: PageQuery, provider_id: UUID
) -> Page[ShownChange]:
    """List the changes of an own connection, newest first: who made each, when and why."""
    await service.own_provider(tx, caller, provider_id, ADMIN, OPERATOR)
    query = select(ProviderChange).where(ProviderChange.provider_id == provider_id)
    return await page_of(tx, query, page, ProviderChange.id, queries.shown, newest_first=True)


@router.post("/{provider_id}/changes", status_code=201)
async def change_own_provider(
    transactions: Transactions,
    caller: Admin,
    once: OnceKey,
    endpoints: ProviderEndpoints,
    prober: EndpointProber,
    provider_id: UUID,
    body: Annotated[NewProviderChange, Body()],
) -> ShownChange:
    """Change an own provider at once, as its admin.

    Keys are added, limited and ended, the endpoint is corrected, a suspension by the company itself is lifted. An ended
    key gets no tokens, and those it has are refused within five seconds. While a suspension by operators lasts, keys
    can be ended and nothing else changed. An endpoint is accepted that answers a signed call now.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        await service.own_provider(tx, caller, provider_id, ADMIN)
        seen = await queries.connection_of(tx, provider_id)
    wanted = await connections.checked(endpoints, prober, seen, body)
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, service.change(tx, caller, provider_id, wanted))


@router.post("/{provider_id}/suspend")
async def suspend_own_provider(
    tx: Tx, caller: Admin, once: OnceKey, provider_id: UUID, body: Suspension
) -> ShownChange:
    """Suspend an own provider at once, as its admin, such as when its only key has leaked."""
    wanted = connections.Wanted(Action.SUSPEND, {}, body.reason)
    return await once.do(tx, caller, service.change(tx, caller, provider_id, wanted))


@router.post("/{provider_id}/contact")
async def correct_own_contact(
    tx: Tx, caller: Admin, once: OnceKey, provider_id: UUID, body: schemas.ContactCorrection
) -> ShownChange:
    """Change where operators of the platform reach the company."""
    return await once.do(tx, caller, service.correct_contact(tx, caller, provider_id, body))
