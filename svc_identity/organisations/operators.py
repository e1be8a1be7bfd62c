"""Who is an operator at this moment. A token tells what was true up to ten minutes ago; these operations ask again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database
from chassis.problems import Problem
from svc_identity.organisations.models import Division, Membership, Organisation, Role
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.suspensions.queries import suspended_persons

FEWEST = 2
"""Operators that a platform keeps: with fewer, nothing that needs a second person can be done."""

_LOCK = "myili roles"


class NoLongerOperator(Problem):
    """The token is older than the removal of its role."""

    status, code = 403, "no_longer_operator"


async def lock_roles(tx: AsyncSession) -> None:
    """Let one transaction at a time change roles; all rules about who holds which one are checked under this lock."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(_LOCK))))


async def require_operator(tx: AsyncSession, caller: Caller, roles: Sequence[str] = (Role.OPERATOR,)) -> None:
    """Refuse a caller who has been removed since the token was issued.

    Raises:
        NoLongerOperator
    """
    if caller.id not in await operators(tx, roles=roles):
        raise NoLongerOperator


async def require_current(tx: AsyncSession, caller: Caller) -> None:
    """Refuse a caller whose only role is that of an operator, and who has been removed since the token was issued.

    Raises:
        NoLongerOperator
    """
    if {each.role for each in caller.memberships} == {Role.OPERATOR}:
        await require_operator(tx, caller)


async def with_standing_roles(database: Database, caller: Caller) -> Caller:
    """The caller without the roles that have ended since the token was issued.

    An operator's last one is left: what operators do asks again, and says that it has ended.
    """
    if len(caller.memberships) <= 1 and all(each.role == Role.OPERATOR for each in caller.memberships):
        return caller
    async with database.read() as tx:
        known = (await tx.scalars(select(Membership).where(Membership.person_id == caller.id))).all()
    held = {(each.organisation_id, each.role) for each in known if each.ended_at is None}
    ended = {(each.organisation_id, each.role) for each in known} - held
    if Role.OPERATOR not in {role for _, role in held}:
        ended = {each for each in ended if each[1] != Role.OPERATOR}
    left = [each for each in caller.memberships if (each.organisation_id, each.role) not in ended]
    return replace(caller, memberships=tuple(left))


async def operators(
    tx: AsyncSession, *, reaching: str | None = None, roles: Sequence[str] = (Role.OPERATOR,)
) -> set[UUID]:
    """The persons who can act as operators now: the role is theirs, their identity proofed, nothing suspended.

    Args:
        tx: of the service.
        reaching: the code of a division; only those whose role reaches it.
        roles: those who hold one of these instead.
    """
    proofed = select(Person.id).where(Person.assurance_level >= PROOFED)
    suspended = suspended_persons()
    return set(
        await tx.scalars(
            _current(reaching, roles).where(Membership.person_id.in_(proofed), Membership.person_id.not_in(suspended))
        )
    )


async def still_operator(tx: AsyncSession, person_id: UUID, *, since: datetime, reaching: str | None = None) -> bool:
    """Whether a person can act now by the same membership as at that time: a role regained is another one."""
    held = _current(reaching).where(Membership.person_id == person_id, Membership.created_at <= since)
    return person_id in await operators(tx, reaching=reaching) and await tx.scalar(held.limit(1)) is not None


async def held_since(
    tx: AsyncSession, person_id: UUID, *, reaching: str | None = None, roles: Sequence[str] = (Role.OPERATOR,)
) -> datetime | None:
    """Since when a person is operator without a break, by a role that reaches a division where one is given."""
    held = _current(reaching, roles).where(Membership.person_id == person_id)
    return await tx.scalar(held.with_only_columns(func.min(Membership.created_at)))


async def appointed(tx: AsyncSession, *, reaching: str) -> set[UUID]:
    """The persons who hold the role by which they reach a division, whether they can act or not."""
    return set(await tx.scalars(_current(reaching)))


def organisations_reaching(division_code: str | None) -> Select[UUID]:
    """The organisations of a division and of those that it is a part of; all where none is given."""
    if division_code is None:
        return select(Organisation.id)
    line = select(Division.code, Division.parent).where(Division.code == division_code).cte(recursive=True)
    line = line.union(select(Division.code, Division.parent).join(line, Division.code == line.c.parent))
    return select(Organisation.id).where(Organisation.division_code.in_(select(line.c.code)))


def _current(reaching: str | None, roles: Sequence[str] = (Role.OPERATOR,)) -> Select[UUID]:
    current = (Membership.role.in_(roles), Membership.ended_at.is_(None))
    within = Membership.organisation_id.in_(organisations_reaching(reaching))
    return select(Membership.person_id).where(*current, within)
