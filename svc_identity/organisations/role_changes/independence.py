"""Whether operators are independent: neither holds the role by the other's word, at any number of removes.

What counts is the membership by which a person is operator now, who proposed it, by which membership that person was
operator at the time, and so on. So a removal hides nothing of those whom the removed person proposed, and a person who
becomes operator again, by the word of others, changes nothing of where they came from (docs/decisions/0014). Roles
that do not reach the division concerned do not count: else operators of a county could give those of the prefecture a
role there, and make them depend on each other (0120).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from svc_identity.organisations.models import Membership, Role
from svc_identity.organisations.operators import organisations_reaching
from svc_identity.organisations.role_changes.models import Action, RoleChange, Status


async def are_independent(
    tx: AsyncSession,
    first: UUID,
    second: UUID,
    *,
    reaching: str | None,
    roles: Sequence[str] = (Role.OPERATOR,),
    proposing: Sequence[str] = (Role.OPERATOR,),
) -> bool:
    """Whether two persons who are operators of a division now, or hold one of other roles, are independent.

    `proposing` are the roles by which the proposers behind them acted.
    """
    behind = [await _proposers_behind(tx, each, reaching, roles, proposing) for each in (first, second)]
    return second not in behind[0] and first not in behind[1]


async def some_are_independent(tx: AsyncSession, operators: Iterable[UUID], *, reaching: str) -> bool:
    """Whether there are two among these operators of a division who are independent."""
    behind = {operator: await _proposers_behind(tx, operator, reaching) for operator in operators}
    return any(a not in behind[b] and b not in behind[a] for a, b in combinations(behind, 2))


async def _proposers_behind(
    tx: AsyncSession,
    operator: UUID,
    division_code: str | None,
    roles: Sequence[str] = (Role.OPERATOR,),
    proposing: Sequence[str] = (Role.OPERATOR,),
) -> set[UUID]:
    """Who proposed this person as operator, who proposed those, and so on, also where their role has ended since."""
    reaching = organisations_reaching(division_code)
    own = (Membership.person_id == operator, Membership.organisation_id.in_(reaching))
    present = _origins(roles).where(*own, Membership.ended_at.is_(None))
    line = present.cte(recursive=True)
    # The membership by which the proposer was operator then.
    then, change = aliased(Membership), aliased(RoleChange)
    earlier = (
        select(change.proposed_by, change.proposed_at)
        .join(then, then.id == change.membership_id)
        .join(
            line,
            and_(
                then.person_id == line.c.proposed_by,
                then.organisation_id.in_(reaching),
                then.created_at <= line.c.proposed_at,
                or_(then.ended_at.is_(None), then.ended_at > line.c.proposed_at),
            ),
        )
        .where(change.action == Action.GRANT, change.role.in_(proposing), change.status == Status.APPROVED)
    )
    line = line.union(earlier)
    found = await tx.scalars(select(line.c.proposed_by))
    return {proposer for proposer in found if proposer is not None}


def _origins(roles: Sequence[str]) -> Select[UUID | None, datetime]:
    return (
        select(RoleChange.proposed_by, RoleChange.proposed_at)
        .join(Membership, Membership.id == RoleChange.membership_id)
        .where(RoleChange.action == Action.GRANT, RoleChange.role.in_(roles), RoleChange.status == Status.APPROVED)
    )
