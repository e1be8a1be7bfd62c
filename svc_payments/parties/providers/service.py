from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database
from chassis.problems import Problem
from kit.client_access import ClientSuspended, provider_of, require_client_access
from svc_payments.parties.providers.models import Provider


class ProviderNotReady(Problem):
    """The caller's approval has not reached this service yet; it does within seconds."""

    status, code = 409, "provider_not_ready"
    headers = {"Retry-After": "2"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class ProviderSuspended(Problem):
    """Nothing can be queried, bought or paid online while the provider's connection is suspended."""

    status, code = 409, "provider_suspended"


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
        suspended = provider.suspended_at is not None
        require_client_access(caller, suspended=suspended, ended_keys=provider.ended_keys)


async def expect_provider(tx: AsyncSession, provider_id: UUID) -> None:
    """Refuse a provider whose approval has not arrived yet, or that is suspended by now.

    Raises:
        ProviderNotReady, ClientSuspended
    """
    known = (await tx.execute(select(Provider.suspended_at).filter_by(provider_id=provider_id))).one_or_none()
    if known is None:
        raise ProviderNotReady
    if known.suspended_at is not None:
        raise ClientSuspended


async def require_connected(tx: AsyncSession, provider_id: UUID) -> None:
    """Refuse a resident's business with a suspended provider.

    Raises:
        ProviderSuspended
    """
    if await tx.scalar(select(Provider.suspended_at).filter_by(provider_id=provider_id)) is not None:
        raise ProviderSuspended
