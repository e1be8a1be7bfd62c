"""Service items as the public, staff and other services read them."""

from typing import Any

from chassis.problems import NotFound
from svc_services.catalogue.service_items import events, schemas
from svc_services.catalogue.service_items.models import ServiceItem


def shown(item: ServiceItem) -> schemas.ServiceItem:
    if item.version is None or item.decided_at is None:
        raise NotFound
    return schemas.ServiceItem(**_fields(item), published_at=item.decided_at, ended_at=item.ended_at)


def proposal(item: ServiceItem) -> schemas.ServiceItemProposal:
    same = ("status", "proposed_by", "proposed_at", "decided_by", "decided_at", "refusal_reason", "ended_at")
    return schemas.ServiceItemProposal(**_fields(item), **{name: getattr(item, name) for name in same})


def published(item: ServiceItem) -> events.ServiceItemPublished:
    return events.ServiceItemPublished(**_told(item))


def withdrawn(item: ServiceItem) -> events.ServiceItemWithdrawn:
    return events.ServiceItemWithdrawn(**_told(item), withdrawn_at=item.ended_at)


def _told(item: ServiceItem) -> dict[str, Any]:
    same = ("provider_id", "utility_kind", "application_kind", "division_code", "version")
    told = {name: getattr(item, name) for name in same}
    return {"item_id": item.id, **told, "promised_days": item.guide.promised_days}


def _fields(item: ServiceItem) -> dict[str, Any]:
    same = ("provider_id", "utility_kind", "application_kind", "division_code", "version", "replaced_by")
    workflow = schemas.ItemWorkflow(workflow_id=item.workflow_id, version=item.workflow_version)
    parts = {"item_id": item.id, "content": item.guide, "workflow": workflow}
    return {**{name: getattr(item, name) for name in same}, **parts}
