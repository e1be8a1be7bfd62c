from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from svc_payments.parties.providers.models import Provider


class ProviderNotReady(Problem):
    """The caller's approval has not reached this service yet; it does within seconds."""

    status, code = 409, "provider_not_ready"
    headers = {"Retry-After": "2"}  # noqa: RUF012 - the base class declares it a read-only Mapping


async def expect_provider(tx: AsyncSession, provider_id: UUID) -> None:
    """Refuse a provider whose approval has not arrived yet."""
    if await tx.get(Provider, provider_id) is None:
        raise ProviderNotReady
