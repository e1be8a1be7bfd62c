"""The second person of a two-person rule: not the first, long enough in the role, and appointed independently."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, now
from chassis.problems import Problem
from kit.approvals import SecondPersonNeeded, require_second_person
from kit.fields.divisions import WHOLE
from kit.staff.models import staff_roles
from kit.staff.reach import reaches
from kit.staff.refusals import NotIndependent, ProposerWithoutRole, RoleNotKnownYet, RoleTooNew

OPERATOR = "operator"
"""The role whose holders grant roles."""


@dataclass(frozen=True)
class _Role:
    person_id: UUID
    role: str
    division_code: str | None
    proposed_by: UUID | None
    proposed_at: datetime | None
    granted_at: datetime | None
    second_from: datetime | None
    ended_at: datetime | None

    def held_at(self, moment: datetime) -> bool:
        return (
            self.granted_at is not None
            and self.granted_at <= moment
            and (self.ended_at is None or self.ended_at > moment)
        )


async def require_second_holder(  # noqa: PLR0913 - what the rule is about
    tx: AsyncSession,
    caller: Caller,
    first: UUID | str | None,
    *,
    role: str = OPERATOR,
    first_role: str | None = None,
    since: datetime | None = None,
    within: Collection[str] | None = None,
    refusal: type[Problem] = SecondPersonNeeded,
) -> None:
    """Refuse a caller who cannot be the second person by this role.

    Args:
        tx: of the service.
        caller: who approves or confirms, by `role`.
        first: who took the first step; None where no person did, and nothing is checked but the caller.
        role: the role by which the caller acts.
        first_role: the role by which the first step was taken; the same one by default.
        since: given where the step ends with the role by which it was taken: when it was taken.
        within: the divisions concerned; only roles that reach them all count for time and grant chain. By default the
            whole for operators, and not looked at for other roles.
        refusal: what to raise if both are one person.

    Raises:
        SecondPersonNeeded: or `refusal`.
        RoleNotKnownYet, RoleTooNew: the caller's role is too new.
        ProposerWithoutRole: who took the first step has lost the role since.
        NotIndependent: one of the two holds the role by the other's word.
    """
    before = UUID(str(first)) if first else None
    require_second_person(caller.id, before, refusal=refusal)
    roles = await _roles(tx, [WHOLE] if within is None and role == OPERATOR else within, caller.id, before)
    _require_held_long_enough([each for each in roles if each.person_id == caller.id and each.role == role])
    if before is not None:
        _require_independent(roles, (caller.id, role), (before, first_role or role), since)


def _require_independent(
    roles: Sequence[_Role], second: tuple[UUID, str], first: tuple[UUID, str], since: datetime | None
) -> None:
    # The first one's role must have been held from then on without a break: others can take the step anew.
    theirs = [each for each in roles if (each.person_id, each.role) == first]
    if since and not any(each.held_at(since) and each.ended_at is None for each in theirs):
        raise ProposerWithoutRole
    if first[0] in _behind(roles, *second) or second[0] in _behind(roles, *first):
        raise NotIndependent


async def _roles(tx: AsyncSession, within: Collection[str] | None, *persons: UUID | None) -> Sequence[_Role]:
    """The roles of these persons, and those of all who are or were operators: a few hundred at most."""
    columns = [staff_roles.c[name] for name in _Role.__annotations__]
    wanted = or_(staff_roles.c.person_id.in_([each for each in persons if each]), staff_roles.c.role == OPERATOR)
    roles = [_Role(*row) for row in await tx.execute(select(*columns).where(wanted))]
    return roles if within is None else [each for each in roles if reaches(each.division_code, within)]


def _require_held_long_enough(roles: Iterable[_Role]) -> None:
    since = [each.second_from for each in roles if each.ended_at is None and each.second_from]
    if not since:
        raise RoleNotKnownYet
    if min(since) > now():
        raise RoleTooNew(free_at=f"{min(since).astimezone(CHINA):%Y-%m-%d %H:%M}")


def _behind(roles: Sequence[_Role], person: UUID, role: str) -> set[UUID]:
    """Who proposed a person for a role, who had proposed those as operators, and so on, also where it has ended since.

    What counts is the role as it is held now, or each time it was held where it no longer is.
    """
    own = [each for each in roles if each.person_id == person and each.role == role]
    line = [each for each in own if each.ended_at is None] or own
    behind: set[UUID] = set()
    for each in line:  # grows while it is walked
        if each.proposed_by is None or each.proposed_at is None:
            continue
        behind.add(each.proposed_by)
        line += [
            other
            for other in roles
            if other.person_id == each.proposed_by
            and other.role == OPERATOR
            and other.held_at(each.proposed_at)
            and other not in line
        ]
    return behind
