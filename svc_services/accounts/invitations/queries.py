from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.accounts.bindings.models import RIGHTS, AccountBinding, BindingStatus, Role
from svc_services.accounts.invitations.models import AccountInvitation
from svc_services.accounts.invitations.schemas import AccountMember, AccountMembers


async def members_of(tx: AsyncSession, binding_id: UUID) -> AccountMembers:
    """Who has access by an owner's invitation; there are ten at most."""
    found = await tx.execute(
        select(AccountBinding, AccountInvitation.label)
        .join(AccountInvitation, AccountInvitation.accepted_as == AccountBinding.id)
        .where(AccountBinding.granted_by == binding_id, AccountBinding.status == BindingStatus.ACTIVE)
        .order_by(AccountBinding.id)
    )
    return AccountMembers(items=[_shown(binding, label) for binding, label in found])


def _shown(binding: AccountBinding, label: str) -> AccountMember:
    return AccountMember(
        member_id=binding.id,
        role=binding.role,
        label=label,
        rights=[*RIGHTS[Role(binding.role)]],
        starts_on=binding.starts_on,
        access_until=binding.access_until,
        since=binding.created_at,
    )
