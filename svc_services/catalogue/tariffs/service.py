"""Publishing tariffs, and withdrawing those with a mistake before their day."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.calendar import today
from kit.tariffs.decimals import PRICE_PLACES, QUANTITY_PLACES, price_text, quantity_text, scaled
from svc_services.catalogue.tariffs import events, schemas
from svc_services.catalogue.tariffs.events import PublishedTier, TariffPublished
from svc_services.catalogue.tariffs.models import UNITS, Tariff, TariffTier
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller


class ForeignKind(Problem):
    """A provider publishes tariffs of the kind it was approved for."""

    status, code = 403, "foreign_kind"


class UnitDoesNotFit(Problem):
    status, code = 422, "unit_does_not_fit"


class StartsInThePast(Problem):
    """Bills may have used the tariff in force until now.

    A first tariff is the one that customers are billed by already, so it may have begun long ago.
    """

    status, code = 422, "effective_from_in_the_past"


class DateTaken(Problem):
    """A tariff of this class and unit already takes effect on this day; before the day it can be replaced."""

    status, code = 409, "tariff_date_taken"


class TariffInForce(Problem):
    """Its day has come: bills may have been made by it."""

    status, code = 409, "tariff_in_force"


class TariffWithdrawn(Problem):
    status, code = 409, "tariff_withdrawn"


class ReplacesAnother(Problem):
    """A tariff replaces one of its own class and unit."""

    status, code = 422, "replaces_another_tariff"


async def publish(tx: AsyncSession, provider_id: UUID, new: schemas.NewTariff) -> schemas.Tariff:
    """Publish the next version of a provider's tariff for a class of customers and a unit."""
    # One publication of a provider at a time: versions have no gaps, and a date is taken once.
    provider = await locked_caller(tx, provider_id, key_share=True)
    replaced = await _replaced(tx, provider_id, new) if new.replaces else None
    line = (
        Tariff.provider_id == provider_id,
        Tariff.customer_class == new.customer_class,
        Tariff.unit == new.unit,
    )
    in_force = (*line, Tariff.withdrawn_at.is_(None))
    if await tx.scalar(select(Tariff.id).where(*in_force, Tariff.effective_from == new.effective_from)):
        raise DateTaken(effective_from=new.effective_from.isoformat())
    latest = await tx.scalar(select(func.max(Tariff.version)).where(*line))
    _require_publishable(provider, new, is_first=not await tx.scalar(select(func.count()).where(*in_force)))
    tariff = Tariff(
        provider_id=provider_id,
        kind=new.kind,
        customer_class=new.customer_class,
        unit=new.unit,
        version=(latest or 0) + 1,
        effective_from=new.effective_from,
        fixed_fee_fen=new.fixed_fee_fen,
        tiers=[_tier(position, tier) for position, tier in enumerate(new.tiers)],
    )
    tx.add(tariff)
    await tx.flush()
    answer = shown(tariff)
    await emit(tx, _published(answer))
    if replaced:
        replaced.replaced_by = tariff.id
        await emit(tx, _withdrawn(replaced))
    return answer


async def withdraw(tx: AsyncSession, provider_id: UUID, tariff_id: UUID) -> schemas.Tariff:
    """Withdraw a provider's tariff before its day.

    Raises:
        NotAllowed, ClientSuspended, NotFound, TariffInForce, TariffWithdrawn
    """
    await locked_caller(tx, provider_id, key_share=True)
    tariff = await _withdrawable(tx, provider_id, tariff_id)
    tariff.withdrawn_at = now()
    await tx.flush()
    await emit(tx, _withdrawn(tariff))
    return shown(tariff)


async def tariff_of(tx: AsyncSession, tariff_id: UUID) -> Tariff:
    tariff = await tx.get(Tariff, tariff_id)
    if tariff is None:
        raise NotFound
    return tariff


async def _withdrawable(tx: AsyncSession, provider_id: UUID, tariff_id: UUID) -> Tariff:
    tariff = await tx.get(Tariff, tariff_id, populate_existing=True)
    if tariff is None or tariff.provider_id != provider_id:
        raise NotFound
    if tariff.withdrawn_at:
        raise TariffWithdrawn
    if tariff.effective_from <= today():
        raise TariffInForce(effective_from=tariff.effective_from.isoformat())
    return tariff


async def _replaced(tx: AsyncSession, provider_id: UUID, new: schemas.NewTariff) -> Tariff:
    """The tariff that a new one replaces, withdrawn."""
    if new.replaces is None:
        raise NotFound
    tariff = await _withdrawable(tx, provider_id, new.replaces)
    if (tariff.customer_class, tariff.unit) != (new.customer_class, new.unit):
        raise ReplacesAnother
    tariff.withdrawn_at = now()
    await tx.flush()
    return tariff


def _require_publishable(provider: Provider, new: schemas.NewTariff, *, is_first: bool) -> None:
    if new.kind != provider.kind:
        raise ForeignKind(kind=provider.kind)
    if new.unit not in UNITS[new.kind]:
        raise UnitDoesNotFit(kind=new.kind, units=sorted(UNITS[new.kind]))
    if not is_first and new.effective_from < today():
        raise StartsInThePast(today=today().isoformat())


def _tier(position: int, tier: schemas.Tier) -> TariffTier:
    up_to = None if tier.up_to is None else scaled(tier.up_to, QUANTITY_PLACES)
    return TariffTier(position=position, up_to_e3=up_to, unit_price_e4=scaled(tier.unit_price, PRICE_PLACES))


def shown(tariff: Tariff) -> schemas.Tariff:
    tiers = [
        schemas.Tier(
            up_to=None if tier.up_to_e3 is None else quantity_text(tier.up_to_e3),
            unit_price=price_text(tier.unit_price_e4),
        )
        for tier in tariff.tiers
    ]
    return schemas.Tariff(
        tariff_id=tariff.id,
        provider_id=tariff.provider_id,
        kind=tariff.kind,
        customer_class=tariff.customer_class,
        unit=tariff.unit,
        version=tariff.version,
        effective_from=tariff.effective_from,
        tiers=tiers,
        fixed_fee_fen=tariff.fixed_fee_fen,
        published_at=tariff.published_at,
        withdrawn_at=tariff.withdrawn_at,
        replaced_by=tariff.replaced_by,
    )


def _published(tariff: schemas.Tariff) -> TariffPublished:
    return TariffPublished(**_fields(tariff))


def _withdrawn(tariff: Tariff) -> events.TariffWithdrawn:
    answer = shown(tariff)
    if answer.withdrawn_at is None:
        raise TariffInForce
    return events.TariffWithdrawn(**_fields(answer), withdrawn_at=answer.withdrawn_at, replaced_by=answer.replaced_by)


def _fields(tariff: schemas.Tariff) -> dict[str, Any]:
    names = ("tariff_id", "provider_id", "kind", "customer_class", "unit", "effective_from", "fixed_fee_fen")
    tiers = [PublishedTier(up_to=tier.up_to, unit_price=tier.unit_price) for tier in tariff.tiers]
    return {"tiers": tiers, **{name: getattr(tariff, name) for name in names}}
