"""Registering the servers of an app, and what a check of a proof leads to.

A check is asked for here and done by the worker, which alone calls servers that teams name.
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import IllegalMove, NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import database_time
from kit.security_log import record_on_commit
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.publishing.domains import schemas
from svc_miniapps.publishing.domains.hosts import accepted
from svc_miniapps.publishing.domains.models import AppDomain, DomainStatus, Failure

MOST_DOMAINS = 20
TOKEN_DAYS = 7
LOST_AFTER = timedelta(days=3)
"""For how long the proof of a proven server may be missing."""
CHECK_EVERY = timedelta(days=1)
BETWEEN_CHECKS = timedelta(seconds=10)
"""Of one server: until it is proven it may be anybody's."""
_SOONEST, _LATEST = timedelta(hours=1), timedelta(hours=12)
_EVENTS = {
    DomainStatus.WAITING: SecurityEvent("domain_registered"),
    DomainStatus.PROVEN: SecurityEvent("domain_proven"),
    DomainStatus.LOST: SecurityEvent("domain_lost"),
    DomainStatus.REMOVED: SecurityEvent("domain_removed"),
}


class DomainExists(Problem):
    status, code = 409, "domain_exists"


class TooManyDomains(Problem):
    status, code = 409, "too_many_domains"


class DomainProvenByOthers(Problem):
    """Another organisation has proven this server, or a wildcard that includes it."""

    status, code = 409, "domain_proven_by_others"


class DomainTokenExpired(Problem):
    status, code = 409, "domain_token_expired"


async def register(
    tx: AsyncSession, caller: Caller, app_id: UUID, new: schemas.NewDomain, *, with_loopback: bool
) -> schemas.AppDomain:
    """Register a server of an app of the caller's team; it is allowed once it is proven.

    Raises:
        NotFound, DomainRefused, DomainExists, TooManyDomains, DomainProvenByOthers
    """
    host = accepted(new.host, with_loopback=with_loopback)
    app = await lock_app(tx, caller, app_id)
    kept = AppDomain.app_id == app.id, AppDomain.status != DomainStatus.REMOVED
    known = (await tx.scalars(select(AppDomain.host).where(*kept))).all()
    if host.name in known:
        raise DomainExists
    if len(known) >= MOST_DOMAINS:
        raise TooManyDomains(most=MOST_DOMAINS)
    domain = AppDomain(app=app, organisation_id=app.organisation_id, host=host.name, registrable=host.registrable)
    if await proven_by_others(tx, domain):
        raise DomainProvenByOthers
    domain.test_port, domain.method, domain.status = host.test_port, new.method, DomainStatus.WAITING
    domain.registered_by = caller.id
    _give_token(domain, await database_time(tx))
    tx.add(domain)
    return await _changed(tx, domain)


async def request_check(tx: AsyncSession, caller: Caller, domain_id: UUID) -> schemas.AppDomain:
    """Have the worker look for the proof now.

    Raises:
        NotFound, IllegalMove, DomainTokenExpired
    """
    domain = await _locked(tx, caller, domain_id)
    moment = await database_time(tx)
    if domain.status == DomainStatus.WAITING and domain.token_expires_at <= moment:
        raise DomainTokenExpired
    if domain.status not in {DomainStatus.WAITING, DomainStatus.PROVEN}:
        raise IllegalMove(current=str(domain.status), wanted="check")
    domain.check_at = max(moment, domain.checked_at + BETWEEN_CHECKS) if domain.checked_at else moment
    await tx.flush()
    return schemas.AppDomain.of(domain)


async def renew_token(tx: AsyncSession, caller: Caller, domain_id: UUID) -> schemas.AppDomain:
    """Give a server that is not proven, or no longer, a new token.

    Raises:
        NotFound, IllegalMove, DomainProvenByOthers
    """
    domain = await _locked(tx, caller, domain_id)
    domain.move_to(DomainStatus.WAITING)
    domain.organisation_id = domain.app.organisation_id
    if await proven_by_others(tx, domain):
        raise DomainProvenByOthers
    _give_token(domain, await database_time(tx))
    return await _changed(tx, domain)


async def remove(tx: AsyncSession, caller: Caller, domain_id: UUID) -> None:
    """Take a server off the allow-list as the app's team.

    Raises:
        NotFound, IllegalMove
    """
    domain = await _locked(tx, caller, domain_id)
    domain.move_to(DomainStatus.REMOVED)
    domain.check_at, domain.ended_by, domain.ended_at = None, caller.id, await database_time(tx)
    await _changed(tx, domain)


async def domains_of(tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest) -> Page[schemas.AppDomain]:
    """The servers of an app, for its team and its reviewers; the newest first."""
    app = await tx.get(App, app_id)
    if app is None or not members.reviews_in(caller, app.division_code):
        await get_app(tx, caller, app_id)
    query = select(AppDomain).where(AppDomain.app_id == app_id, AppDomain.status != DomainStatus.REMOVED)
    return await page_of(tx, query, page, AppDomain.id, schemas.AppDomain.of, newest_first=True)


async def lose_all(tx: AsyncSession, app_id: UUID, why: Failure) -> None:
    """Empty the allow-list of an app; the app is locked by the caller."""
    kept = AppDomain.app_id == app_id, AppDomain.status.in_([DomainStatus.WAITING, DomainStatus.PROVEN])
    for domain in (await tx.scalars(select(AppDomain).where(*kept))).all():
        domain.lose(why)
        await _changed(tx, domain)


async def apply_check(tx: AsyncSession, domain_id: UUID, check: int, failure: Failure | None) -> None:
    """Apply what a check has found, unless another one has begun since or nobody waits for it any more."""
    app_id = select(AppDomain.app_id).where(AppDomain.id == domain_id).scalar_subquery()
    await tx.execute(select(App.id).where(App.id == app_id).with_for_update())
    domain = await tx.get_one(AppDomain, domain_id, populate_existing=True)
    if domain.checks != check or domain.status not in {DomainStatus.WAITING, DomainStatus.PROVEN}:
        return
    before, moment = domain.status, await database_time(tx)
    failure = failure or await _hindrance(tx, domain, moment)
    if failure is None:
        domain.failure = domain.failing_since = None
        domain.confirmed_at, domain.check_at = moment, moment + CHECK_EVERY
        if domain.status == DomainStatus.WAITING:
            domain.move_to(DomainStatus.PROVEN)
            domain.proven_at = moment
    else:
        _fail(domain, failure, moment)
    await tx.flush()
    if domain.status != before:
        await _changed(tx, domain)


async def proven_by_others(tx: AsyncSession, domain: AppDomain) -> bool:
    """Whether another organisation has proven this host, one below a wildcard of it, or a wildcard above it."""
    proven = AppDomain.status == DomainStatus.PROVEN, AppDomain.registrable == domain.registrable
    with tx.no_autoflush:
        others = select(AppDomain.host).where(*proven, AppDomain.organisation_id != domain.organisation_id)
        return any(_overlap(domain.host, host) for host in await tx.scalars(others))


def _overlap(host: str, other: str) -> bool:
    base, other_base = host.removeprefix("*."), other.removeprefix("*.")
    return (
        base == other_base
        or (host != base and other_base.endswith(f".{base}"))
        or (other != other_base and base.endswith(f".{other_base}"))
    )


async def _hindrance(tx: AsyncSession, domain: AppDomain, moment: datetime) -> Failure | None:
    """Why a proof that was found does not count."""
    if domain.status != DomainStatus.WAITING:
        return None
    # Two organisations may prove one server at once: one after the other, by the name that they share.
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"myili domain {domain.registrable}"))))
    if await proven_by_others(tx, domain):
        return Failure.PROVEN_BY_OTHERS
    return Failure.TOKEN_EXPIRED if domain.token_expires_at <= moment else None


def _fail(domain: AppDomain, failure: Failure, moment: datetime) -> None:
    domain.failing_since = domain.failing_since or moment
    failing = moment - domain.failing_since
    if domain.status == DomainStatus.WAITING:
        domain.failure, domain.check_at = failure, None  # the team asks for the next one
    elif failure == Failure.ADDRESS_NOT_PUBLIC or failing >= LOST_AFTER:
        domain.lose(failure)
    else:
        domain.failure, domain.check_at = failure, moment + min(max(failing, _SOONEST), _LATEST)


def _give_token(domain: AppDomain, moment: datetime) -> None:
    domain.token, domain.token_expires_at = secrets.token_urlsafe(24), moment + timedelta(days=TOKEN_DAYS)
    domain.failure = domain.failing_since = domain.proven_at = domain.confirmed_at = domain.check_at = None


async def _locked(tx: AsyncSession, caller: Caller, domain_id: UUID) -> AppDomain:
    """A server of an app of the caller's team, read after its app is locked so that it is current."""
    app_id = await tx.scalar(select(AppDomain.app_id).where(AppDomain.id == domain_id))
    if app_id is None:
        raise NotFound
    await lock_app(tx, caller, app_id)
    return await tx.get_one(AppDomain, domain_id, populate_existing=True)


async def _changed(tx: AsyncSession, domain: AppDomain) -> schemas.AppDomain:
    await tx.flush()
    event, cause = _EVENTS[DomainStatus(domain.status)], str(domain.failure or "")
    record_on_commit(tx, event, cause, domain_id=domain.id, app_id=domain.app_id)
    return schemas.AppDomain.of(domain)
