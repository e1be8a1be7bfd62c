from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound
from svc_services.accounts.bindings.models import RIGHTS, AccountBinding, BindingStatus, Role
from svc_services.accounts.bindings.service import own
from svc_services.accounts.invitations.models import AccountInvitation
from svc_services.accounts.invitations.schemas import AccountAccess, AccountMember, AccountMembers


async def members_of(tx: AsyncSession, binding_id: UUID) -> AccountMembers:
    """Who has access by an owner's invitation; there are ten at most."""
    found = await tx.execute(
        select(AccountBinding, AccountInvitation.label)
        .join(AccountInvitation, AccountInvitation.accepted_as == AccountBinding.id)
        .where(AccountBinding.granted_by == binding_id, AccountBinding.status == BindingStatus.ACTIVE)
        .order_by(AccountBinding.id)
    )
    return AccountMembers(items=[_shown(binding, label) for binding, label in found])


async def own_access(tx: AsyncSession, person_id: UUID, access_id: UUID, *, locked: bool = False) -> AccountBinding:
    """An access of the person by invitation.

    Raises:
        NotFound
    """
    access = await own(tx, person_id, access_id, locked=locked)
    if access.role == Role.OWNER:
        raise NotFound
    return access


def shown_access(access: AccountBinding) -> AccountAccess:
    names = ("provider_id", "account_number", "role", "status", "starts_on", "access_until", "ended_at")
    return AccountAccess(
        access_id=access.id,
        rights=[*RIGHTS[Role(access.role)]] if access.status == BindingStatus.ACTIVE else [],
        since=access.created_at,
        **{name: getattr(access, name) for name in names},
    )


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
