"""Whether two operators are independent: neither holds the role by the other's proposal, at any number of removes."""

from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.organisations.models import Role
from svc_identity.organisations.role_changes.models import Action, RoleChange, Status


async def are_independent(tx: AsyncSession, first: UUID, second: UUID) -> bool:
    return second not in await _proposers_behind(tx, first) and first not in await _proposers_behind(tx, second)


async def _proposers_behind(tx: AsyncSession, operator: UUID) -> set[UUID]:
    """Who proposed this person as operator, who proposed those, and so on, also where the role has ended since."""
    line = select(RoleChange.proposed_by).where(RoleChange.person_id == operator, *_made_operator()).cte(recursive=True)
    earlier = select(RoleChange.proposed_by).join(line, RoleChange.person_id == line.c.proposed_by)
    line = line.union(earlier.where(*_made_operator()))
    found = await tx.scalars(select(line.c.proposed_by))
    return {proposer for proposer in found if proposer is not None}


def _made_operator() -> tuple[ColumnElement[bool], ...]:
    return (
        RoleChange.action == Action.GRANT,
        RoleChange.role == Role.OPERATOR,
        RoleChange.status == Status.APPROVED,
    )
