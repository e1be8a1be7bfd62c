"""Keys from where their company publishes them: new ones are added, and one that stays away for a day is ended.

One bad answer drops nothing: it is no answer. Nothing is fetched while operators have suspended the company.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.telemetry import SecurityEvent, log
from kit.key_sets import MOST_KEYS, kids_by_thumbprint
from kit.key_terms import in_force
from kit.leases import claimable, pause_after
from kit.security_log import record_on_commit
from svc_services.providers.applications import key_claims
from svc_services.providers.applications.models import Provider, SuspendedBy
from svc_services.providers.connections import effects
from svc_services.providers.connections.models import EndedKey
from svc_services.providers.key_sources.models import FetchedKey, KeyFetch, KeySource
from svc_services.providers.key_sources.provider import HttpKeySource, Keys, NotFetched

EVERY = timedelta(minutes=15)
PAUSES = (60.0, 300.0, 900.0)
FLOOR = timedelta(seconds=60)
"""Between two fetches, whoever asks for them."""
MISSING_FOR = timedelta(days=1)
_LEASE, _AT_ONCE = timedelta(seconds=120), 10
CHANGED = SecurityEvent("client_changed")


@dataclass(frozen=True)
class Due:
    provider_id: UUID
    number: int
    jwks_uri: str


async def fetch_due(database: Database, source: HttpKeySource) -> None:
    """Fetch the sources that are due, each in turn."""
    for due in await _lease(database):
        keys = await source.fetch(due.jwks_uri)
        async with database.transaction() as tx:
            await _apply(tx, due, keys)


async def begin(tx: AsyncSession, provider: Provider, jwks_uri: str) -> None:
    """Follow the source of a company that was connected with the keys found there."""
    await effects.follow_source(tx, provider, jwks_uri)
    fetched = [{"thumbprint": each, "provider_id": provider.id} for each in effects.thumbprints(provider)]
    await tx.execute(insert(FetchedKey).values(fetched))
    await effects.publish(tx, provider)


async def hurry(tx: AsyncSession, provider_id: UUID) -> None:
    """Fetch a source next, but not sooner after the last time than the floor allows."""
    soonest = func.greatest(now(), KeyFetch.tried_at + FLOOR)
    waiting = KeyFetch.provider_id == provider_id, KeyFetch.try_at > soonest
    await tx.execute(update(KeyFetch).where(*waiting).values(try_at=soonest))


async def _lease(database: Database) -> Sequence[Due]:
    async with database.transaction() as tx:
        is_open = or_(Provider.suspended_by.is_(None), Provider.suspended_by != SuspendedBy.OPERATOR)
        due = (
            select(KeyFetch, KeySource.jwks_uri)
            .join(KeySource, KeySource.provider_id == KeyFetch.provider_id)
            .join(Provider, Provider.id == KeyFetch.provider_id)
            .where(KeyFetch.try_at <= now(), KeySource.jwks_uri.is_not(None), is_open)
        )
        rows = (await tx.execute(claimable(due, KeyFetch.try_at, limit=_AT_ONCE, of=KeyFetch))).all()
        for fetch, _ in rows:
            fetch.tried_at = now()
        return [Due(fetch.provider_id, fetch.lease(_LEASE), jwks_uri) for fetch, jwks_uri in rows if jwks_uri]


async def _apply(tx: AsyncSession, due: Due, keys: Keys | NotFetched) -> None:
    provider = await effects.locked(tx, due.provider_id)
    source = await tx.get_one(KeySource, due.provider_id)
    fetch = await tx.get_one(KeyFetch, due.provider_id, with_for_update=True)
    if fetch.tries != due.number or source.jwks_uri != due.jwks_uri or provider.suspended_by == SuspendedBy.OPERATOR:
        return
    if isinstance(keys, NotFetched):
        fetch.try_at, fetch.problem = now() + pause_after(PAUSES, fetch.failures), keys.reason
        fetch.failures += 1
        return
    fetch.failures, fetch.problem, fetch.try_at = 0, None, now() + EVERY
    is_changed = [await _add(tx, provider, key) for key in keys]
    is_changed.append(await _end_missing(tx, provider, set(kids_by_thumbprint({"keys": keys}))))
    if any(is_changed):
        record_on_commit(tx, CHANGED, "fetched_keys", provider_id=provider.id)
        await effects.publish(tx, provider)


async def _add(tx: AsyncSession, provider: Provider, key: dict[str, str]) -> bool:
    """Add a key that is new; one that cannot be added is left out and logged."""
    ((thumbprint, kid),) = kids_by_thumbprint({"keys": [key]}).items()
    if thumbprint in effects.thumbprints(provider):
        return False
    gone = select(EndedKey.thumbprint).where(EndedKey.provider_id == provider.id, EndedKey.thumbprint == thumbprint)
    if await tx.scalar(gone):
        return False
    kids = {*effects.thumbprints(provider).values(), *await effects.ended_kids(tx, provider.id)}
    try:
        if kid in kids or len(provider.jwks["keys"]) >= MOST_KEYS:
            raise key_claims.KeyAlreadyUsed(kid=kid)  # noqa: TRY301 - handled as one that another connection has
        await key_claims.claim(tx, provider.id, {"keys": [key]})
    except key_claims.KeyAlreadyUsed:
        log.warning("fetched_key_refused", provider_id=str(provider.id), kid=kid)
        return False
    provider.jwks = {"keys": [*provider.jwks["keys"], key]}
    await tx.execute(insert(FetchedKey).values(thumbprint=thumbprint, provider_id=provider.id))
    return True


async def _end_missing(tx: AsyncSession, provider: Provider, published: set[str]) -> bool:
    """End fetched keys that have been missing in every good answer for a day, while others are in force."""
    before = provider.jwks
    for row in await tx.scalars(select(FetchedKey).where(FetchedKey.provider_id == provider.id)):
        kid = effects.thumbprints(provider).get(row.thumbprint)
        if kid is None:
            await tx.delete(row)
        elif row.thumbprint in published:
            row.missing_since = None
        elif row.missing_since is None:
            row.missing_since = now()
        elif row.missing_since <= now() - MISSING_FOR:
            left = {"keys": [key for key in provider.jwks["keys"] if key["kid"] != kid]}
            if in_force(left, now())["keys"]:
                effects.end_key(tx, provider, kid)
    return bool(provider.jwks != before)
