from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.accounts.bindings.models import AccountBinding, BindingStatus, Role


async def is_holder(tx: AsyncSession, person_id: UUID, provider_id: UUID, account_number: str) -> bool:
    """Whether a person has an account bound as its owner. It stays so until the transaction ends.

    Family and tenants ask the provider for nothing in the holder's place.
    """
    held = select(AccountBinding.id).where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        AccountBinding.status == BindingStatus.ACTIVE,
        AccountBinding.role == Role.OWNER,
    )
    return await tx.scalar(held.with_for_update(read=True)) is not None


def in_force(today: date) -> ColumnElement[bool]:
    """Whether a binding gives access on a day; by its last day too, after which a worker ends it."""
    return and_(
        AccountBinding.status == BindingStatus.ACTIVE,
        or_(AccountBinding.starts_on.is_(None), AccountBinding.starts_on <= today),
        or_(AccountBinding.access_until.is_(None), AccountBinding.access_until >= today),
    )
