from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Select, select

from chassis.auth import Caller, allow, anyone
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.callers import ByKind
from kit.etags import NOT_MODIFIED, cacheable
from kit.fields.divisions import DivisionCode
from svc_services.callers import OPERATOR, Operator, in_reach
from svc_services.catalogue.search_words import Search
from svc_services.catalogue.service_items import presenters, schemas, service
from svc_services.catalogue.service_items.models import ItemStatus, ServiceItem
from svc_services.catalogue.service_items.queries import items_where
from svc_services.catalogue.service_items.workflows import Workflows
from svc_services.providers.applications.models import Provider
from svc_services.providers.own_company.service import ADMIN, own_providers
from svc_services.providers.own_company.service import OPERATOR as COMPANY_OPERATOR
from svc_services.reference.models import UtilityKind
from svc_services.reference.service import require_divisions

router = APIRouter(prefix="/services/v1", tags=["service items"])
_COMPANY = (ADMIN, COMPANY_OPERATOR)
_system = allow(scope="tariffs:write")
Company = Annotated[Caller, Depends(ByKind(person=allow(scope="staff", role=_COMPANY), client=_system))]
Reader = Annotated[Caller, Depends(ByKind(person=allow(scope="staff", role=(OPERATOR, *_COMPANY)), client=_system))]
_public = [Depends(anyone(because="guides of public services are public"))]
_MINUTE = 60


@router.post("/service-item-proposals", status_code=201, openapi_extra={"x-max-body-bytes": 131_072})
async def propose_service_item(
    tx: Tx, caller: Company, once: OnceKey, workflows: Workflows, body: schemas.NewServiceItem
) -> schemas.ServiceItemProposal:
    """Propose a service item with its guide, or its next version, which an operator of the divisions publishes.

    The promised days are at least those of the workflow by which such applications are filed, and at most the legal
    ones.
    """
    return await once.do(tx, caller, service.propose(tx, caller, body, workflows))


@router.get("/service-item-proposals")
async def list_service_item_proposals(
    tx: ReadTx, caller: Reader, page: PageQuery, status: ItemStatus | None = None
) -> Page[schemas.ServiceItemProposal]:
    """List proposals and their outcomes, newest first: a company its own, an operator those of the divisions."""
    query = select(ServiceItem).join(Provider, Provider.id == ServiceItem.provider_id)
    if caller.kind == "client":
        query = query.where(Provider.id == caller.id)
    elif caller.memberships_as(OPERATOR):
        query = query.where(in_reach(caller, Provider.division_codes))
    else:
        query = query.where(Provider.id.in_(own_providers(caller, *_COMPANY).with_only_columns(Provider.id)))
    query = query.where(ServiceItem.status == status) if status else query
    return await page_of(tx, query, page, ServiceItem.id, presenters.proposal, newest_first=True)


@router.post("/service-item-proposals/{item_id}/publish")
async def publish_service_item(
    tx: Tx, caller: Operator, once: OnceKey, workflows: Workflows, item_id: UUID
) -> schemas.ServiceItemProposal:
    """Publish a proposal, as an operator of all divisions of its company who holds no role in it.

    It is never edited afterwards: a later version takes its place.
    """
    return await once.do(tx, caller, service.publish(tx, caller, item_id, workflows))


@router.post("/service-item-proposals/{item_id}/refuse")
async def refuse_service_item(
    tx: Tx, caller: Operator, once: OnceKey, item_id: UUID, body: schemas.ItemRefusal
) -> schemas.ServiceItemProposal:
    """Refuse a proposal, with a reason that the company reads."""
    return await once.do(tx, caller, service.refuse(tx, caller, item_id, body.reason))


@router.post("/service-item-proposals/{item_id}/withdraw")
async def withdraw_service_item(tx: Tx, caller: Company, once: OnceKey, item_id: UUID) -> schemas.ServiceItemProposal:
    """Withdraw a proposal, or the item that was published from it."""
    return await once.do(tx, caller, service.withdraw(tx, caller, item_id))


async def _wanted(
    tx: ReadTx,
    provider_id: UUID | None = None,
    utility_kind: UtilityKind | None = None,
    application_kind: schemas.ApplicationKindCode | None = None,
    division_code: Annotated[
        DivisionCode | None, Query(description="What is offered there, its own items first.")
    ] = None,
    q: Annotated[
        Search | None, Query(description="Part of a name, or of the initials of its pinyin, such as ysbz.")
    ] = None,
) -> Select[ServiceItem]:
    if division_code:
        await require_divisions(tx, [division_code])
    return items_where(provider_id, (utility_kind, application_kind), division_code, q)


@router.get("/service-items", dependencies=_public, response_model=Page[schemas.ServiceItem], responses=NOT_MODIFIED)
async def list_service_items(
    request: Request, tx: ReadTx, page: PageQuery, query: Annotated[Select[ServiceItem], Depends(_wanted)]
) -> Response:
    """List published service items with their guides: of a company, of kinds, of a division, those named so."""
    return cacheable(request, await page_of(tx, query, page, ServiceItem.id, presenters.shown), seconds=_MINUTE)


@router.get(
    "/service-items/{item_id}", dependencies=_public, response_model=schemas.ServiceItem, responses=NOT_MODIFIED
)
async def get_service_item(request: Request, tx: ReadTx, item_id: UUID) -> Response:
    """Get a service item with its guide, also one that is replaced or withdrawn."""
    return cacheable(request, await service.published_item(tx, item_id), seconds=_MINUTE)
