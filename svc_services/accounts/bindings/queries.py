from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.accounts.bindings.models import AccountBinding, BindingStatus


async def is_bound(tx: AsyncSession, person_id: UUID, provider_id: UUID, account_number: str) -> bool:
    """Whether a person has an account bound. It stays so until the transaction ends."""
    bound = select(AccountBinding.id).where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        AccountBinding.status == BindingStatus.ACTIVE,
    )
    return await tx.scalar(bound.with_for_update(read=True)) is not None
