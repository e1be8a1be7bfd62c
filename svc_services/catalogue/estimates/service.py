"""What a published tariff makes of a usage, line by line."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from kit.tariffs.decimals import price_text, quantity_text
from kit.tariffs.engine import Version, explain, in_force
from kit.tariffs.lines import Line
from kit.tariffs.rules import Component, FixedComponent, HoursComponent, TariffRules, UsageComponent
from kit.tariffs.usage import Usage
from svc_services.catalogue.estimates import schemas
from svc_services.catalogue.tariff_plans.queries import versions_until
from svc_services.catalogue.tariff_plans.service import published_plan
from svc_services.catalogue.tariffs.models import Tariff
from svc_services.catalogue.tariffs.service import tariff_of

_MOST_VERSIONS = 100
_PRICE = {"zh": "价格", "en": "Price", "kk": "باعا", "ug": "باھا"}
_FIXED_FEE = {"zh": "固定费用", "en": "Fixed fee", "kk": "تۇراقتى اقى", "ug": "مۇقىم ھەق"}


class UsageUnknown(Problem):
    """The usage states a quantity that no component of the tariff prices."""

    status, code = 422, "usage_unknown"


Versions = Sequence[tuple[UUID, Version]]


async def estimate(tx: AsyncSession, tariff_id: UUID, usage: Usage, language: str) -> schemas.TariffEstimate:
    """The lines that a tariff of either shape makes of a usage, with the versions of it that begin in the period.

    Raises:
        NotFound, NoTariffThen, UsageMissing, UsageContradictory
        UsageUnknown: it states a quantity that the tariff does not price.
    """
    known = await _versions(tx, tariff_id, usage.last_day)
    applied = in_force([version for _, version in known], usage)
    _require_known(applied, usage)
    explanation = explain(applied, usage)
    ids = {version.effective_from: known_id for known_id, version in known}
    return schemas.TariffEstimate(
        tariff_id=tariff_id,
        applied=[
            schemas.AppliedTariff(tariff_id=ids[each.effective_from], effective_from=each.effective_from)
            for each in applied
        ],
        lines=[_shown(line, language) for line in explanation.lines],
        total_fen=explanation.total_fen,
    )


def _require_known(applied: Sequence[Version], usage: Usage) -> None:
    """A misspelt measure would be left out of the sum without a word."""
    stated = {
        *(f"quantities.{name}" for name in usage.quantities),
        *(f"readings.{name}" for reading in usage.readings for name in reading.used),
        *(f"used_before.{name}" for name in usage.used_before),
        *(f"allowance_used_before.{name}" for name in usage.allowance_used_before),
        *(f"counts.{name}" for name in usage.counts),
    }
    priced = {name for version in applied for component in version.rules.components for name in _names(component)}
    if unknown := sorted(each for each in stated if each.partition(".")[2] not in priced):
        raise UsageUnknown(unknown=", ".join(unknown), known=", ".join(sorted(priced)))


def _names(component: Component) -> set[str]:
    """What a usage may state for a component."""
    match component:
        case UsageComponent():
            return {component.measure}
        case HoursComponent():
            return {component.measure, *(each.band for each in component.bands)}
        case FixedComponent():
            return {component.counted} if component.counted else set()
        case _:
            return set()


async def _versions(tx: AsyncSession, tariff_id: UUID, until: date) -> Versions:
    if plan := await published_plan(tx, tariff_id):
        return [(each.id, Version(each.effective_from, each.tariff)) for each in await versions_until(tx, plan, until)]
    tariff = await tariff_of(tx, tariff_id)
    query = select(Tariff).where(
        Tariff.provider_id == tariff.provider_id,
        Tariff.customer_class == tariff.customer_class,
        Tariff.unit == tariff.unit,
        Tariff.withdrawn_at.is_(None),
        Tariff.effective_from <= until,
    )
    versions = await tx.scalars(query.order_by(Tariff.effective_from.desc()).limit(_MOST_VERSIONS))
    return [(each.id, Version(each.effective_from, _rules(each))) for each in versions]


def _rules(tariff: Tariff) -> TariffRules:
    """A tariff of tiers and a fixed fee as components: its tiers are those of a billing period."""
    tiers = [
        {
            "up_to": None if tier.up_to_e3 is None else quantity_text(tier.up_to_e3),
            "unit_price": price_text(tier.unit_price_e4),
        }
        for tier in tariff.tiers
    ]
    usage = {"type": "usage", "code": "price", "name": _PRICE, "measure": tariff.unit, "cycle": "period"}
    components: list[dict[str, Any]] = [{**usage, "tiers": tiers}]
    if tariff.fixed_fee_fen:
        fee = {"type": "fixed", "code": "fixed_fee", "name": _FIXED_FEE, "per": "bill"}
        components.append({**fee, "amount_fen": tariff.fixed_fee_fen})
    return TariffRules.model_validate({"components": components, "change": "by_day"})


def _shown(line: Line, language: str) -> schemas.EstimateLine:
    same = ("component", "why", "first_day", "last_day", "tier", "unit", "amount_fen")
    return schemas.EstimateLine(
        **{name: getattr(line, name) for name in same},
        name=line.named(language),
        reason=line.reason(language),
        quantity=quantity_text(line.quantity),
        unit_price=price_text(line.unit_price),
    )
