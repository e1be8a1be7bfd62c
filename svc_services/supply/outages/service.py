"""A company announces outages, changes them, and says when supply is back or that nothing happens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound, Problem
from kit.calendar import database_time, today_of
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.accounts.bindings.queries import in_force
from svc_services.accounts.premises.models import comparable
from svc_services.accounts.premises.service import require_supplied
from svc_services.base import lock
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller
from svc_services.reference.models import PREFECTURE
from svc_services.supply.outages import presenters, schemas
from svc_services.supply.outages.models import (
    Outage,
    OutageArea,
    OutageNature,
    OutageRound,
    OutageStatus,
    OutageVersion,
)
from svc_services.supply.outages.queries import concerns, unmatched_areas
from svc_services.supply.rules import RULES

_LONGEST = timedelta(days=60)
_FARTHEST = timedelta(days=180)
_LATE_REPORT = timedelta(days=3)
_CLOCKS_DIFFER = timedelta(minutes=5)
_MOST_VERSIONS = 100
MOST_OPEN = 50
"""One outage names up to 200 places."""


class OutageTimesRefused(Problem):
    """`reason`: past, far, long, order."""

    status, code = 422, "outage_times_refused"


class OutageChangedMeanwhile(Problem):
    status, code = 409, "outage_changed_meanwhile"


class OutageBegun(Problem):
    """What has begun is ended and not cancelled, and its beginning stays."""

    status, code = 409, "outage_begun"


class OutageOver(Problem):
    status, code = 409, "outage_over"


class OutageAreasUnmatched(Problem):
    """No account is known at an address: it may be written otherwise than in the premises."""

    status, code = 409, "outage_areas_unmatched"


class TooManyOutages(Problem):
    """Each one tells everybody whom it concerns."""

    status, code = 409, "too_many_outages"


class TooManyOutageVersions(Problem):
    status, code = 409, "too_many_outage_versions"


async def announce(tx: AsyncSession, provider_id: UUID, new: schemas.NewOutage) -> schemas.ReportedOutage:
    """Announce an outage.

    Raises:
        NotAllowed, ClientSuspended, UnknownDivision, DivisionNotSupplied, OutageTimesRefused, TooManyOutages
        OutageAreasUnmatched
    """
    provider = await locked_caller(tx, provider_id, read=True)
    moment = await database_time(tx)
    _require_times(new, new.nature, moment)
    if new.nature == OutageNature.PLANNED and new.starts_at < moment:
        raise OutageTimesRefused(reason="past")
    await lock(tx, "outages of", provider_id)
    open_ = select(func.count()).where(Outage.provider_id == provider_id, Outage.status == OutageStatus.ANNOUNCED)
    if (await tx.scalar(open_) or 0) >= MOST_OPEN:
        raise TooManyOutages(most=MOST_OPEN)
    outage = Outage(provider_id=provider_id, kind=provider.kind, nature=new.nature, version=0)
    outage.status = OutageStatus.ANNOUNCED
    return await _say(tx, provider, outage, new, moment)


async def change(
    tx: AsyncSession, provider_id: UUID, outage_id: UUID, new: schemas.OutageChange
) -> schemas.ReportedOutage:
    """Say anew what is without supply, and when; the version before is kept.

    Raises:
        NotAllowed, ClientSuspended, NotFound, UnknownDivision, DivisionNotSupplied, OutageTimesRefused
        OutageOver, OutageBegun, OutageChangedMeanwhile, TooManyOutageVersions, OutageAreasUnmatched
    """
    provider, outage = await _own(tx, provider_id, outage_id)
    moment = await database_time(tx)
    if new.version != outage.version:
        raise OutageChangedMeanwhile(version=outage.version)
    begun = outage.starts_at <= moment
    if begun and new.starts_at != outage.starts_at:
        raise OutageBegun
    nature = OutageNature(outage.nature)
    _require_times(new, nature, moment if not begun else outage.starts_at)
    if nature == OutageNature.PLANNED and (new.expected_end is None or (not begun and new.starts_at < moment)):
        raise OutageTimesRefused(reason="order" if new.expected_end is None else "past")
    return await _say(tx, provider, outage, new, moment)


async def end(tx: AsyncSession, provider_id: UUID, outage_id: UUID, at: datetime) -> schemas.Outage:
    """Record that supply is back.

    Raises:
        NotAllowed, ClientSuspended, NotFound, OutageOver, OutageTimesRefused, TooManyOutageVersions
    """
    provider, outage = await _own(tx, provider_id, outage_id)
    moment = await database_time(tx)
    if not outage.starts_at <= at <= moment + _CLOCKS_DIFFER:
        raise OutageTimesRefused(reason="order" if at < outage.starts_at else "far")
    outage.move_to(OutageStatus.ENDED)
    outage.ended_at = at
    return await _record(tx, provider, outage, moment)


async def cancel(tx: AsyncSession, provider_id: UUID, outage_id: UUID, note: str | None) -> schemas.Outage:
    """Cancel an outage that has not begun.

    Raises:
        NotAllowed, ClientSuspended, NotFound, OutageOver, OutageBegun, TooManyOutageVersions
    """
    provider, outage = await _own(tx, provider_id, outage_id)
    moment = await database_time(tx)
    if outage.starts_at <= moment:
        raise OutageBegun
    outage.move_to(OutageStatus.CANCELLED)
    outage.note = note or outage.note
    return await _record(tx, provider, outage, moment)


async def _own(tx: AsyncSession, provider_id: UUID, outage_id: UUID) -> tuple[Provider, Outage]:
    """The calling company and its outage, locked and not over."""
    provider = await locked_caller(tx, provider_id, read=True)
    outage = await tx.get(Outage, outage_id, with_for_update=True, populate_existing=True)
    if outage is None or outage.provider_id != provider_id:
        raise NotFound
    if outage.status != OutageStatus.ANNOUNCED:
        raise OutageOver
    if outage.version >= _MOST_VERSIONS:
        raise TooManyOutageVersions
    return provider, outage


def _require_times(new: schemas.OutageContent, nature: OutageNature, moment: datetime) -> None:
    latest = moment + (_FARTHEST if nature == OutageNature.PLANNED else _CLOCKS_DIFFER)
    if new.starts_at > latest:
        raise OutageTimesRefused(reason="far")
    if new.starts_at < moment - _LATE_REPORT:
        raise OutageTimesRefused(reason="past")
    if new.expected_end is not None and new.expected_end <= new.starts_at:
        raise OutageTimesRefused(reason="order")
    if new.expected_end is not None and new.expected_end - new.starts_at > _LONGEST:
        raise OutageTimesRefused(reason="long")


async def _say(
    tx: AsyncSession, provider: Provider, outage: Outage, new: schemas.OutageContent, moment: datetime
) -> schemas.ReportedOutage:
    await require_supplied(tx, provider, {each.division_code for each in new.areas})
    before = await areas_of(tx, outage.id) if outage.version else []
    said = [(each.division_code, comparable(each.address or "")) for each in new.areas]
    fresh = outage.starts_at != new.starts_at or not {*said} <= {(each.division_code, each.prefix) for each in before}
    if fresh and outage.nature == OutageNature.PLANNED:
        outage.short_notice = new.starts_at - moment < RULES[provider.kind].outage_notice
    outage.cause, outage.note = new.cause, new.note
    outage.starts_at, outage.expected_end = new.starts_at, new.expected_end
    whole = {each.division_code for each in new.areas if each.address is None}
    outage.covers_all = PREFECTURE in whole or set(provider.division_codes) <= whole
    tx.add(outage)
    await tx.flush()
    await tx.execute(delete(OutageArea).where(OutageArea.outage_id == outage.id))
    tx.add_all(
        OutageArea(
            outage_id=outage.id,
            position=position,
            division_code=area.division_code,
            address=area.address,
            prefix=said[position][1],
        )
        for position, area in enumerate(new.areas)
    )
    await tx.flush()
    unmatched = [str(each.address) for each in await tx.scalars(unmatched_areas(outage, await today_of(tx)))]
    if unmatched and not new.confirmed:
        raise OutageAreasUnmatched(areas=unmatched)
    recorded = await _record(tx, provider, outage, moment)
    found = {"known_accounts": await _reach(tx, outage.id), "unmatched_addresses": unmatched}
    return schemas.ReportedOutage(**recorded.model_dump(), **found)


async def _reach(tx: AsyncSession, outage_id: UUID) -> schemas.Reach:
    touched = exists().where(Outage.id == outage_id, concerns()).correlate(AccountBinding)
    some = select(AccountBinding.account_number).where(in_force(await today_of(tx)), touched).distinct().limit(100)
    known = await tx.scalar(select(func.count()).select_from(some.subquery())) or 0
    few = schemas.Reach.UNDER_10 if known < 10 else schemas.Reach.UNDER_100  # noqa: PLR2004 - as its names say
    return schemas.Reach.MORE if known == 100 else few  # noqa: PLR2004


async def _record(tx: AsyncSession, provider: Provider, outage: Outage, moment: datetime) -> schemas.Outage:
    """Keep what is said now as a version, about which the worker tells people."""
    outage.version += 1
    outage.updated_at = moment
    await tx.flush()
    areas = await areas_of(tx, outage.id)
    same = ("version", "status", "cause", "note", "starts_at", "expected_end", "ended_at", "short_notice")
    said = OutageVersion(
        outage_id=outage.id,
        areas=[{"division_code": each.division_code, "address": each.address} for each in areas],
        recorded_at=moment,
        **{name: getattr(outage, name) for name in same},
    )
    tx.add_all([said, OutageRound(outage_id=outage.id, version=outage.version)])
    await tx.flush()
    return presenters.shown(outage, provider.name, areas)


async def areas_of(tx: AsyncSession, outage_id: UUID) -> Sequence[OutageArea]:
    query = select(OutageArea).where(OutageArea.outage_id == outage_id).order_by(OutageArea.position)
    return (await tx.scalars(query)).all()
