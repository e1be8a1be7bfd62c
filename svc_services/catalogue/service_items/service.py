"""Drafting service items, publishing or refusing them, and withdrawing them."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_services.base import lock
from svc_services.callers import OPERATOR
from svc_services.catalogue.search_words import search_words
from svc_services.catalogue.service_items import presenters, schemas
from svc_services.catalogue.service_items.content import ItemContent
from svc_services.catalogue.service_items.models import ItemStatus, ServiceItem
from svc_services.catalogue.service_items.queries import same_line
from svc_services.catalogue.service_items.workflows import WorkflowOf
from svc_services.catalogue.tariff_plans.service import CompanySuspended
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller
from svc_services.providers.own_company.outsiders import require_outsider
from svc_services.providers.own_company.service import ADMIN, own_provider
from svc_services.providers.own_company.service import OPERATOR as COMPANY_OPERATOR
from svc_services.reference.models import PREFECTURE


class NoWorkflow(Problem):
    """Nothing can be filed for this kind, so there is nothing to promise."""

    status, code = 422, "no_workflow"


class PromiseTooLong(Problem):
    """More days are promised than the documents allow."""

    status, code = 422, "promised_days_too_long"


class PromiseTooShort(Problem):
    """The clock of the workflow would call a case late only after the promised day."""

    status, code = 422, "promised_days_too_short"


class DivisionNotServed(Problem):
    status, code = 422, "division_not_served"


async def propose(
    tx: AsyncSession, caller: Caller, new: schemas.NewServiceItem, workflow_of: WorkflowOf
) -> schemas.ServiceItemProposal:
    """Draft the next version of an item, as the company's system or one of its people.

    Raises:
        NotFound, NotAllowed, ClientSuspended, CompanySuspended, DivisionNotServed
        NoWorkflow, PromiseTooLong, PromiseTooShort
    """
    provider = await _own(tx, caller, new.provider_id)
    served = {*provider.division_codes, new.division_code if PREFECTURE in provider.division_codes else None}
    if new.division_code and new.division_code not in served:
        raise DivisionNotServed(division_codes=sorted(provider.division_codes))
    item = ServiceItem(
        provider_id=provider.id,
        utility_kind=provider.kind,
        application_kind=new.application_kind,
        division_code=new.division_code,
        content=new.content.model_dump(mode="json"),
        search_words=search_words(new.content.name.zh, new.content.name.en, provider.name),
        proposed_by=None if caller.kind == "client" else caller.id,
    )
    await _keep_to_workflow(tx, item, workflow_of)
    tx.add(item)
    await tx.flush()
    return presenters.proposal(item)


async def publish(
    tx: AsyncSession, caller: Caller, item_id: UUID, workflow_of: WorkflowOf
) -> schemas.ServiceItemProposal:
    """Publish a draft, as an operator of all divisions of its company. It takes the place of the version before it.

    Raises:
        NotFound, NotYourDivision, OwnCompany, IllegalMove, CompanySuspended
        SecondPersonNeeded, and the others of `require_second_holder`
        NoWorkflow, PromiseTooShort: the workflow has changed since.
    """
    item, provider = await _decidable(tx, caller, item_id)
    if provider.suspended_at:
        raise CompanySuspended
    await _keep_to_workflow(tx, item, workflow_of)
    await number(tx, item, caller.id)
    await emit(tx, presenters.published(item))
    return presenters.proposal(item)


async def number(tx: AsyncSession, item: ServiceItem, operator_id: UUID | None) -> None:
    """Publish an item as the next version of its line; the version before it ends."""
    with tx.no_autoflush:
        latest = await tx.scalar(select(func.max(ServiceItem.version)).where(*same_line(item)))
        in_force = select(ServiceItem).where(*same_line(item), ServiceItem.status == ItemStatus.PUBLISHED)
        before = await tx.scalar(in_force)
    if before:
        before.end(ItemStatus.REPLACED)
        await tx.flush()
    item.version = (latest or 0) + 1
    item.decide(ItemStatus.PUBLISHED, operator_id)
    tx.add(item)
    await tx.flush()
    if before:
        before.replaced_by = item.id
        await tx.flush()


async def refuse(tx: AsyncSession, caller: Caller, item_id: UUID, reason: str) -> schemas.ServiceItemProposal:
    """Refuse a draft, with a reason.

    Raises:
        NotFound, NotYourDivision, OwnCompany, IllegalMove
        SecondPersonNeeded, and the others of `require_second_holder`
    """
    item, _ = await _decidable(tx, caller, item_id)
    item.decide(ItemStatus.REFUSED, caller.id)
    item.refusal_reason = reason
    await tx.flush()
    return presenters.proposal(item)


async def withdraw(tx: AsyncSession, caller: Caller, item_id: UUID) -> schemas.ServiceItemProposal:
    """Withdraw a draft or a published item of one's own company.

    Raises:
        NotFound, NotAllowed, ClientSuspended, CompanySuspended, IllegalMove
    """
    item = await tx.get(ServiceItem, item_id)
    if item is None or item.provider_id is None or (caller.kind == "client" and item.provider_id != caller.id):
        raise NotFound
    await _own(tx, caller, item.provider_id)
    await tx.refresh(item)
    was_published = item.status == ItemStatus.PUBLISHED
    item.end(ItemStatus.WITHDRAWN)
    await tx.flush()
    if was_published:
        await emit(tx, presenters.withdrawn(item))
    return presenters.proposal(item)


async def published_item(tx: AsyncSession, item_id: UUID) -> schemas.ServiceItem:
    """An item that is or was published.

    Raises:
        NotFound
    """
    item = await tx.get(ServiceItem, item_id)
    if item is None:
        raise NotFound
    return presenters.shown(item)


async def publish_general(
    tx: AsyncSession, utility_kind: str, application_kind: str, content: ItemContent, workflow_of: WorkflowOf
) -> bool:
    """Publish the general guide of these kinds unless there is one. Returns whether there was none."""
    await lock(tx, "service item", utility_kind, application_kind)
    item = ServiceItem(
        provider_id=None,
        utility_kind=utility_kind,
        application_kind=application_kind,
        division_code=None,
        status=ItemStatus.PROPOSED,
        content=content.model_dump(mode="json"),
        search_words=search_words(content.name.zh, content.name.en),
    )
    if await tx.scalar(select(ServiceItem.id).where(*same_line(item)).limit(1)):
        return False
    await _keep_to_workflow(tx, item, workflow_of)
    await number(tx, item, None)
    return True


async def _own(tx: AsyncSession, caller: Caller, provider_id: UUID | None) -> Provider:
    """The caller's own provider, locked: what a company does to its items is one after the other."""
    if caller.kind == "client":
        if provider_id not in {None, caller.id}:
            raise NotFound
        return await locked_caller(tx, caller.id, key_share=True)
    if provider_id is None:
        raise NotFound
    own = await own_provider(tx, caller, provider_id, ADMIN, COMPANY_OPERATOR)
    provider = await _locked(tx, own.id)
    if provider.suspended_at:
        raise CompanySuspended
    return provider


async def _decidable(tx: AsyncSession, caller: Caller, item_id: UUID) -> tuple[ServiceItem, Provider]:
    item = await tx.get(ServiceItem, item_id)
    if item is None or item.provider_id is None:
        raise NotFound
    provider = await _locked(tx, item.provider_id)
    await tx.refresh(item)
    acting = acting_in(caller, provider.division_codes, OPERATOR)
    await require_outsider(tx, caller, provider.id)
    await require_second_holder(tx, acting, item.proposed_by, within=provider.division_codes)
    return item, provider


async def _locked(tx: AsyncSession, provider_id: UUID) -> Provider:
    return await tx.get_one(Provider, provider_id, with_for_update={"key_share": True}, populate_existing=True)


async def _keep_to_workflow(tx: AsyncSession, item: ServiceItem, workflow_of: WorkflowOf) -> None:
    """Name the workflow that the item belongs to, and refuse a promise that does not fit it or the law."""
    limit = await workflow_of(tx, item.utility_kind, item.application_kind)
    if limit is None:
        raise NoWorkflow(application_kind=item.application_kind)
    guide = item.guide
    if guide.promised_days > guide.legal_days:
        raise PromiseTooLong(legal_days=guide.legal_days)
    if guide.promised_days < limit.limit_days:
        raise PromiseTooShort(limit_days=limit.limit_days, version=limit.version)
    item.workflow_id, item.workflow_version = limit.workflow_id, limit.version
