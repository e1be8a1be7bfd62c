"""How far a role of the platform reaches: over the division of its organisation and the divisions below it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from chassis.auth import Caller
from kit.staff.reach import divisions_of
from kit.staff.refusals import NotYourDivision
from svc_identity.organisations import operators
from svc_identity.organisations.companies import service as companies
from svc_identity.organisations.models import Division, Membership, Organisation, Role, SecurityRole
from svc_identity.organisations.service import PREFECTURE

_READERS = (Role.OPERATOR, Role.AUDITOR, SecurityRole.SECURITY_OFFICER)


async def require_reach(
    tx: AsyncSession, caller: Caller, division_code: str, roles: Sequence[str] = (Role.OPERATOR,)
) -> None:
    """Refuse an operator whose role does not reach a division; read live, as a token is up to ten minutes old.

    Raises:
        NotYourDivision
    """
    if caller.id not in await operators.operators(tx, reaching=division_code, roles=roles):
        raise NotYourDivision(division_code=division_code)


async def require_reach_of_organisation(tx: AsyncSession, caller: Caller, organisation_id: UUID) -> str:
    """Refuse an operator whose role does not reach the division of an organisation; returns that division.

    Of a company it is the one in which it is connected, or that of the prefecture.

    Raises:
        NotYourDivision
    """
    division_code = await companies.division_to_reach(tx, await tx.get_one(Organisation, organisation_id))
    await require_reach(tx, caller, division_code)
    return division_code


async def require_reach_of_roles(
    tx: AsyncSession, caller: Caller, person_id: UUID, roles: Sequence[str] = (Role.OPERATOR,)
) -> str | None:
    """Refuse an operator who does not reach all roles of a person; returns the division to reach, None without roles.

    Raises:
        NotYourDivision
    """
    held = select(Organisation.division_code).join(Membership, Membership.organisation_id == Organisation.id)
    current = (Membership.person_id == person_id, Membership.ended_at.is_(None))
    divisions = set(await tx.scalars(held.where(*current)))
    if not divisions:
        return None
    # Whoever works in several divisions is a matter of the prefecture.
    division_code = divisions.pop() if len(divisions) == 1 else PREFECTURE
    await require_reach(tx, caller, division_code, roles)
    return division_code


def readable(caller: Caller) -> ColumnElement[bool]:
    """Which organisations an operator or auditor reads about: those of their divisions and of the ones below."""
    held = divisions_of(caller, *_READERS)
    if held is None:
        return true()
    below = select(Division.code).where(or_(Division.code.in_(held), Division.parent.in_(held)))
    return Organisation.division_code.in_(below)


def staff_readable(caller: Caller, person_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Which persons an operator or auditor reads about: those with a role in a county of theirs, or all."""
    if divisions_of(caller, *_READERS) is None:
        return true()
    there = select(Organisation.id).where(readable(caller))
    current = (Membership.ended_at.is_(None), Membership.organisation_id.in_(there))
    return person_id.in_(select(Membership.person_id).where(*current))


async def require_readable(tx: AsyncSession, caller: Caller, organisation_id: UUID) -> None:
    """Refuse a reader whose role does not reach the division of an organisation.

    Raises:
        NotYourDivision
    """
    organisation = await tx.get_one(Organisation, organisation_id)
    if not await tx.scalar(select(Organisation.id).where(Organisation.id == organisation_id, readable(caller))):
        raise NotYourDivision(division_code=organisation.division_code)
