"""Tariff plans as the public, staff and other services read them."""

from typing import Any

from chassis.problems import NotFound
from kit.fields.labels import Label
from svc_services.catalogue.tariff_plans import events, schemas
from svc_services.catalogue.tariff_plans.models import TariffPlan


def shown(plan: TariffPlan) -> schemas.TariffPlan:
    if plan.version is None or plan.decided_at is None:
        raise NotFound
    return schemas.TariffPlan(
        **_fields(plan),
        basis_document=plan.basis_document,
        version=plan.version,
        published_at=plan.decided_at,
        withdrawn_at=plan.withdrawn_at,
        replaced_by=plan.replaced_by,
    )


def proposal(plan: TariffPlan) -> schemas.TariffProposal:
    same = ("basis_document", "status", "replaces", "replaced_by", "version", "proposed_at", "decided_by")
    rest = ("decided_at", "refusal_reason", "withdrawn_at")
    return schemas.TariffProposal(**_fields(plan), **{name: getattr(plan, name) for name in (*same, *rest)})


def published(plan: TariffPlan) -> events.TariffPlanPublished:
    return events.TariffPlanPublished(**_fields(plan))


def withdrawn(plan: TariffPlan) -> events.TariffPlanWithdrawn:
    if plan.withdrawn_at is None:
        raise NotFound
    return events.TariffPlanWithdrawn(**_fields(plan), withdrawn_at=plan.withdrawn_at, replaced_by=plan.replaced_by)


def _fields(plan: TariffPlan) -> dict[str, Any]:
    names = ("provider_id", "kind", "customer_class", "code", "effective_from")
    parts = {"tariff_id": plan.id, "name": Label.model_validate(plan.name), "rules": plan.tariff}
    return parts | {name: getattr(plan, name) for name in names}
