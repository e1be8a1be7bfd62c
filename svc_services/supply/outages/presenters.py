from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.providers.applications.models import Provider
from svc_services.reference.models import UtilityKind
from svc_services.supply.outages import schemas
from svc_services.supply.outages.models import Outage, OutageArea, OutageCause, OutageStatus, OutageVersion
from svc_services.supply.outages.names import CAUSE_NAMES, STATUS_NAMES
from svc_services.supply.rules import RULES

_SAME = ("provider_id", "kind", "nature", "version", "status", "cause", "note", "starts_at", "expected_end")
_MORE = ("ended_at", "short_notice", "updated_at")


def shown(outage: Outage, provider_name: str, areas: Sequence[OutageArea]) -> schemas.Outage:
    rule = RULES[UtilityKind(outage.kind)]
    return schemas.Outage(
        outage_id=outage.id,
        provider_name=provider_name,
        status_name=STATUS_NAMES[OutageStatus(outage.status)],
        cause_name=CAUSE_NAMES[OutageCause(outage.cause)],
        notice_hours=rule.outage_notice_hours,
        notice_basis=rule.outage_basis,
        areas=[schemas.OutageArea(division_code=each.division_code, address=each.address) for each in areas],
        **{name: getattr(outage, name) for name in (*_SAME, *_MORE)},
    )


async def all_shown(tx: AsyncSession, outages: Sequence[Outage]) -> list[schemas.Outage]:
    """Outages with their companies and areas, in two queries."""
    companies = select(Provider.id, Provider.name).where(Provider.id.in_({each.provider_id for each in outages}))
    names: dict[UUID, str] = {row[0]: row[1] for row in await tx.execute(companies)}
    query = select(OutageArea).where(OutageArea.outage_id.in_([each.id for each in outages]))
    areas: dict[UUID, list[OutageArea]] = defaultdict(list)
    for area in await tx.scalars(query.order_by(OutageArea.outage_id, OutageArea.position)):
        areas[area.outage_id].append(area)
    return [shown(each, names[each.provider_id], areas[each.id]) for each in outages]


async def with_versions(tx: AsyncSession, outage: Outage) -> schemas.OutageWithVersions:
    (current,) = await all_shown(tx, [outage])
    query = select(OutageVersion).where(OutageVersion.outage_id == outage.id)
    versions = [
        schemas.OutageVersion.model_validate(each, from_attributes=True)
        for each in await tx.scalars(query.order_by(OutageVersion.version.desc()))
    ]
    return schemas.OutageWithVersions(**current.model_dump(), versions=versions)
