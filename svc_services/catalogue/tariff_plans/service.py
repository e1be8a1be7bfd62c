"""Proposing tariffs of components, publishing or refusing them, and withdrawing those that have not begun."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.calendar import today
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from kit.tariffs.prices import measures_of
from svc_services.callers import OPERATOR
from svc_services.catalogue.search_words import search_words
from svc_services.catalogue.tariff_plans import presenters, schemas
from svc_services.catalogue.tariff_plans.classes import MEASURES, classes_of
from svc_services.catalogue.tariff_plans.doubts import require_confirmed
from svc_services.catalogue.tariff_plans.models import PlanStatus, TariffPlan
from svc_services.catalogue.tariff_plans.queries import same_plan, versions_until
from svc_services.catalogue.tariffs.service import (
    DateTaken,
    ForeignKind,
    ReplacesAnother,
    StartsInThePast,
    TariffInForce,
    TariffWithdrawn,
    UnitDoesNotFit,
)
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller
from svc_services.providers.own_company.outsiders import require_outsider


class ClassDoesNotFit(Problem):
    """Customer classes belong to a kind of utility."""

    status, code = 422, "class_does_not_fit"


class CompanySuspended(Problem):
    """What a company proposed may be the reason why it is suspended."""

    status, code = 409, "company_suspended"


async def propose(tx: AsyncSession, provider_id: UUID, new: schemas.NewTariffProposal) -> schemas.TariffProposal:
    """Propose the next version of a plan.

    Raises:
        NotAllowed, ClientSuspended, ForeignKind, ClassDoesNotFit, UnitDoesNotFit, ConfirmationNeeded
        DateTaken, StartsInThePast, NotFound, TariffInForce, TariffWithdrawn, ReplacesAnother
    """
    provider = await locked_caller(tx, provider_id, key_share=True)
    _require_fitting(provider, new)
    plan = TariffPlan(
        provider_id=provider_id,
        kind=new.kind,
        customer_class=new.customer_class,
        code=new.code,
        name=new.name.model_dump(),
        basis_document=new.basis_document,
        effective_from=new.effective_from,
        rules=new.rules.model_dump(mode="json"),
        search_words=search_words(new.name.zh, new.name.en, provider.name),
        replaces=new.replaces,
    )
    await _require_publishable(tx, plan)
    before = next(iter(await versions_until(tx, plan, new.effective_from)), None)
    tariff_before = before.tariff if before else None
    require_confirmed(new.rules, new.effective_from, tariff_before, today(), confirmed=new.confirmed)
    tx.add(plan)
    await tx.flush()
    return presenters.proposal(plan)


async def publish(tx: AsyncSession, caller: Caller, tariff_id: UUID) -> schemas.TariffProposal:
    """Publish a proposal, as an operator of all divisions of its company.

    Raises:
        NotFound, NotYourDivision, OwnCompany, IllegalMove, RoleNotKnownYet, RoleTooNew, CompanySuspended
        Problem: why it cannot be published any more, as `propose` has it.
    """
    plan, provider = await _decidable(tx, caller, tariff_id)
    if provider.suspended_at:
        raise CompanySuspended
    line = same_plan(plan.provider_id, plan.customer_class, plan.code)
    plan.version = (await tx.scalar(select(func.max(TariffPlan.version)).where(*line)) or 0) + 1
    plan.decide(PlanStatus.PUBLISHED, caller.id)
    replaced = await _require_publishable(tx, plan)
    if replaced:
        replaced.withdraw()
        replaced.replaced_by = plan.id
        await tx.flush()
        await emit(tx, presenters.withdrawn(replaced))
    await tx.flush()
    await emit(tx, presenters.published(plan))
    return presenters.proposal(plan)


async def refuse(tx: AsyncSession, caller: Caller, tariff_id: UUID, reason: str) -> schemas.TariffProposal:
    """Refuse a proposal, with a reason.

    Raises:
        NotFound, NotYourDivision, OwnCompany, IllegalMove, RoleNotKnownYet, RoleTooNew
    """
    plan, _ = await _decidable(tx, caller, tariff_id)
    plan.decide(PlanStatus.REFUSED, caller.id)
    plan.refusal_reason = reason
    await tx.flush()
    return presenters.proposal(plan)


async def withdraw(tx: AsyncSession, provider_id: UUID, tariff_id: UUID) -> schemas.TariffProposal:
    """Withdraw a proposal, or a published plan before its day.

    Raises:
        NotAllowed, ClientSuspended, NotFound, IllegalMove, TariffInForce
    """
    await locked_caller(tx, provider_id, key_share=True)
    plan = await tx.get(TariffPlan, tariff_id, populate_existing=True)
    if plan is None or plan.provider_id != provider_id:
        raise NotFound
    was_published = plan.status == PlanStatus.PUBLISHED
    if was_published:
        _require_not_begun(plan)
    plan.withdraw()
    await tx.flush()
    if was_published:
        await emit(tx, presenters.withdrawn(plan))
    return presenters.proposal(plan)


async def published_plan(tx: AsyncSession, tariff_id: UUID) -> TariffPlan | None:
    """A plan that is or was published."""
    plan = await tx.get(TariffPlan, tariff_id)
    return plan if plan and plan.version else None


async def _decidable(tx: AsyncSession, caller: Caller, tariff_id: UUID) -> tuple[TariffPlan, Provider]:
    """A proposal, with its company locked: publications of a company are one after the other."""
    plan = await tx.get(TariffPlan, tariff_id)
    if plan is None:
        raise NotFound
    provider = await tx.get_one(Provider, plan.provider_id, with_for_update={"key_share": True}, populate_existing=True)
    await tx.refresh(plan)
    acting = acting_in(caller, provider.division_codes, OPERATOR)
    await require_outsider(tx, caller, provider.id)
    await require_second_holder(tx, acting, None, within=provider.division_codes)
    return plan, provider


def _require_fitting(provider: Provider, new: schemas.NewTariffProposal) -> None:
    if new.kind != provider.kind:
        raise ForeignKind(kind=provider.kind)
    if new.customer_class not in classes_of(new.kind):
        raise ClassDoesNotFit(kind=new.kind, classes=sorted(classes_of(new.kind)))
    if not measures_of(new.rules) <= MEASURES[new.kind]:
        raise UnitDoesNotFit(kind=new.kind, units=sorted(MEASURES[new.kind]))


async def _require_publishable(tx: AsyncSession, plan: TariffPlan) -> TariffPlan | None:
    """Refuse what would change the past or take a day twice; returns the version that it replaces."""
    replaced = await _replaced(tx, plan)
    published = select(TariffPlan).where(
        *same_plan(plan.provider_id, plan.customer_class, plan.code),
        TariffPlan.status == PlanStatus.PUBLISHED,
        TariffPlan.id != plan.id,
    )
    with tx.no_autoflush:
        others = [each for each in await tx.scalars(published) if each is not replaced]
    if any(each.effective_from == plan.effective_from for each in others):
        raise DateTaken(effective_from=plan.effective_from.isoformat())
    if others and plan.effective_from < today():
        raise StartsInThePast(today=today().isoformat())
    return replaced


async def _replaced(tx: AsyncSession, plan: TariffPlan) -> TariffPlan | None:
    if plan.replaces is None:
        return None
    with tx.no_autoflush:
        replaced = await tx.get(TariffPlan, plan.replaces)
    if replaced is None or replaced.provider_id != plan.provider_id or not replaced.version:
        raise NotFound
    if replaced.status == PlanStatus.WITHDRAWN:
        raise TariffWithdrawn
    if (replaced.customer_class, replaced.code) != (plan.customer_class, plan.code):
        raise ReplacesAnother
    _require_not_begun(replaced)
    return replaced


def _require_not_begun(plan: TariffPlan) -> None:
    if plan.effective_from <= today():
        raise TariffInForce(effective_from=plan.effective_from.isoformat())
