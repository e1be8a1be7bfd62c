from collections.abc import Collection
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.accounts.models import AccountBinding


async def is_bound(
    tx: AsyncSession, person_id: UUID, provider_id: UUID, account_number: str, roles: Collection[str] = ()
) -> bool:
    """Whether a person is bound to an account now, in one of these roles if any are named."""
    bound = exists().where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        AccountBinding.ended_at.is_(None),
        *([AccountBinding.role.in_(roles)] if roles else []),
    )
    return bool(await tx.scalar(select(bound)))
