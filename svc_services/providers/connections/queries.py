from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, NotAllowed
from chassis.db import Database
from chassis.problems import NotFound, words
from kit.client_access import ClientSuspended, provider_of, require_client_access
from kit.key_terms import valid_from, valid_until
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections import schemas
from svc_services.providers.connections.effects import thumbprints
from svc_services.providers.connections.models import EndedKey, ProviderChange
from svc_services.providers.key_sources.models import KeyFetch, KeySource


async def require_access(database: Database, caller: Caller) -> None:
    """Refuse the client of a suspended provider, and tokens issued by an ended key.

    Raises:
        ClientSuspended, ClientKeyEnded
    """
    provider_id = provider_of(caller)
    if provider_id is None:
        return
    async with database.read() as tx:
        provider = await tx.get(Provider, provider_id)
        if provider is not None:
            ended = {each.thumbprint for each in await _ended(tx, provider.id)}
            require_client_access(caller, suspended=provider.suspended_at is not None, ended_keys=ended)


async def locked_caller(tx: AsyncSession, provider_id: UUID, **strength: bool) -> Provider:
    """The provider that calls, locked: a suspension that is being committed holds for this request too.

    `strength` is that of the lock, as SQLAlchemy's `with_for_update` takes it.

    Raises:
        NotAllowed, ClientSuspended
    """
    provider = await tx.get(Provider, provider_id, with_for_update=strength, populate_existing=True)
    if provider is None:
        raise NotAllowed(lambda language: words("approved_providers", "svc_services", language)["title"])
    if provider.suspended_at is not None:
        raise ClientSuspended
    return provider


async def connection_of(tx: AsyncSession, provider_id: UUID) -> schemas.Connection:
    """A provider's connection as its company and operators see it."""
    provider = await tx.get(Provider, provider_id)
    if provider is None:
        raise NotFound
    ended = [
        schemas.ConnectionKey(
            kid=each.kid, thumbprint=each.thumbprint, ended_at=each.ended_at, valid_from=None, valid_until=None
        )
        for each in await _ended(tx, provider_id)
    ]
    return schemas.Connection(
        provider_id=provider.id,
        revision=provider.revision,
        endpoint_url=provider.endpoint_url,
        customer_parameters=provider.account_numbers,
        jwks_uri=await tx.scalar(select(KeySource.jwks_uri).where(KeySource.provider_id == provider_id)),
        key_fetch=await _key_fetch(tx, provider_id),
        keys=shown_keys(provider) + ended,
        suspended_at=provider.suspended_at,
        suspended_by=provider.suspended_by,
        suspension_reason=provider.suspension_reason,
    )


async def _key_fetch(tx: AsyncSession, provider_id: UUID) -> schemas.KeyFetch | None:
    followed = select(KeyFetch).join(KeySource, KeySource.provider_id == KeyFetch.provider_id)
    wanted = followed.where(KeyFetch.provider_id == provider_id, KeySource.jwks_uri.is_not(None))
    fetch: KeyFetch | None = await tx.scalar(wanted)
    if fetch is None:
        return None
    same = {name: getattr(fetch, name) for name in ("tried_at", "failures", "problem")}
    return schemas.KeyFetch(next_at=fetch.try_at, **same)


def shown_keys(provider: Provider) -> list[schemas.ConnectionKey]:
    """The keys of a provider that have not been ended."""
    thumbprint_of = {kid: thumbprint for thumbprint, kid in thumbprints(provider).items()}
    return [
        schemas.ConnectionKey(
            kid=key["kid"],
            thumbprint=thumbprint_of[key["kid"]],
            ended_at=None,
            valid_from=valid_from(key),
            valid_until=valid_until(key),
        )
        for key in provider.jwks["keys"]
    ]


def shown(change: ProviderChange) -> schemas.ProviderChange:
    same = ("provider_id", "action", "details", "reason", "status", "company_key", "admin_id")
    rest = ("proposed_by", "proposed_at", "expires_at", "decided_by", "decided_at")
    return schemas.ProviderChange(
        provider_change_id=change.id, **{name: getattr(change, name) for name in (*same, *rest)}
    )


async def _ended(tx: AsyncSession, provider_id: UUID) -> list[EndedKey]:
    query = select(EndedKey).where(EndedKey.provider_id == provider_id)
    return list(await tx.scalars(query.order_by(EndedKey.ended_at, EndedKey.thumbprint)))
