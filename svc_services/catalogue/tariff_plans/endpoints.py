from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Select, select

from chassis.auth import Caller, allow, anyone
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from kit.callers import ByKind
from kit.etags import NOT_MODIFIED, cacheable
from kit.fields.divisions import DivisionCode
from svc_services.callers import Operator, in_reach, only_operators
from svc_services.catalogue.search_words import Search
from svc_services.catalogue.tariff_plans import presenters, schemas, service
from svc_services.catalogue.tariff_plans.classes import classes_of
from svc_services.catalogue.tariff_plans.models import PlanStatus, TariffPlan
from svc_services.catalogue.tariff_plans.queries import plans_where
from svc_services.fields import Day
from svc_services.providers.applications.models import Provider
from svc_services.reference.models import UtilityKind
from svc_services.reference.service import require_divisions

router = APIRouter(prefix="/services/v1", tags=["tariffs"])
_writing = allow(scope="tariffs:write")
Publisher = Annotated[Caller, Depends(_writing)]
Reader = Annotated[Caller, Depends(ByKind(person=only_operators, client=_writing))]
_public = [Depends(anyone(because="prices of public utilities are public"))]
_MINUTE = 60


@router.post("/tariff-proposals", status_code=201, openapi_extra={"x-max-body-bytes": 65_536})
async def propose_tariff(
    tx: Tx, caller: Publisher, once: OnceKey, body: schemas.NewTariffProposal
) -> schemas.TariffProposal:
    """Propose a tariff of components, which an operator of the company's divisions publishes.

    Far or unusual values need `confirmed`. The next version of a plan begins today at the earliest.
    """
    return await once.do(tx, caller, service.propose(tx, caller.id, body))


@router.get("/tariff-proposals")
async def list_tariff_proposals(
    tx: ReadTx, caller: Reader, page: PageQuery, status: PlanStatus | None = None
) -> Page[schemas.TariffProposal]:
    """List proposals and their outcomes, newest first: a company its own, an operator those of the divisions."""
    query = select(TariffPlan).join(Provider, Provider.id == TariffPlan.provider_id)
    mine = Provider.id == caller.id if caller.kind == "client" else in_reach(caller, Provider.division_codes)
    query = query.where(mine, TariffPlan.status == status) if status else query.where(mine)
    return await page_of(tx, query, page, TariffPlan.id, presenters.proposal, newest_first=True)


@router.post("/tariff-proposals/{tariff_id}/publish")
async def publish_tariff_proposal(tx: Tx, caller: Operator, once: OnceKey, tariff_id: UUID) -> schemas.TariffProposal:
    """Publish a proposal, as an operator of all divisions of its company.

    It is never edited afterwards.
    """
    return await once.do(tx, caller, service.publish(tx, caller, tariff_id))


@router.post("/tariff-proposals/{tariff_id}/refuse")
async def refuse_tariff_proposal(
    tx: Tx, caller: Operator, once: OnceKey, tariff_id: UUID, body: schemas.ProposalRefusal
) -> schemas.TariffProposal:
    """Refuse a proposal, with a reason that the company reads."""
    return await once.do(tx, caller, service.refuse(tx, caller, tariff_id, body.reason))


@router.post("/tariff-proposals/{tariff_id}/withdraw")
async def withdraw_tariff_proposal(tx: Tx, caller: Publisher, once: OnceKey, tariff_id: UUID) -> schemas.TariffProposal:
    """Withdraw a proposal, or the plan that was published from it before its day."""
    return await once.do(tx, caller, service.withdraw(tx, caller.id, tariff_id))


async def _wanted(
    tx: ReadTx,
    provider_id: UUID | None = None,
    kind: UtilityKind | None = None,
    division_code: DivisionCode | None = None,
    on: Annotated[Day | None, Query(description="Only plans in force on this day.")] = None,
    q: Annotated[
        Search | None, Query(description="Part of a name, or of the initials of its pinyin, such as jmsj.")
    ] = None,
) -> Select[TariffPlan]:
    if division_code:
        await require_divisions(tx, [division_code])
    return plans_where(provider_id, kind, division_code, on, q)


@router.get("/tariff-plans", dependencies=_public, response_model=Page[schemas.TariffPlan], responses=NOT_MODIFIED)
async def list_tariff_plans(
    request: Request, tx: ReadTx, page: PageQuery, query: Annotated[Select[TariffPlan], Depends(_wanted)]
) -> Response:
    """List published tariffs of components: all, those in force on a day, those named so."""
    return cacheable(request, await page_of(tx, query, page, TariffPlan.id, presenters.shown), seconds=_MINUTE)


@router.get(
    "/tariff-plans/{tariff_id}", dependencies=_public, response_model=schemas.TariffPlan, responses=NOT_MODIFIED
)
async def get_tariff_plan(request: Request, tx: ReadTx, tariff_id: UUID) -> Response:
    """Get a published tariff of components."""
    plan = await service.published_plan(tx, tariff_id)
    if plan is None:
        raise NotFound
    return cacheable(request, presenters.shown(plan), seconds=_MINUTE)


@router.get("/customer-classes", dependencies=_public, response_model=schemas.CustomerClasses, responses=NOT_MODIFIED)
async def list_customer_classes(request: Request, kind: UtilityKind) -> Response:
    """List the customer classes of a kind of utility, with their names."""
    items = [schemas.CustomerClassEntry(code=code, name=name) for code, name in classes_of(kind).items()]
    return cacheable(request, schemas.CustomerClasses(items=items), seconds=_MINUTE)
