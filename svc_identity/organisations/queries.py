from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from chassis.db import now
from chassis.pagination import Page, PageRequest, page_of
from svc_identity.organisations import schemas
from svc_identity.organisations.models import (
    EVERY_ROLE,
    TWO_PERSON_ROLES,
    AnyRole,
    CounterRole,
    Membership,
    Organisation,
    Role,
)
from svc_identity.organisations.service import show_counter_staff, show_member, show_staff
from svc_identity.people.factors.models import Factor
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.models import PROOFED, Person

Shown = TypeVar("Shown", bound=BaseModel)


async def members(tx: AsyncSession, organisation_id: UUID, page: PageRequest, *, reader: str) -> Page[schemas.Member]:
    """Current members of an organisation but those of its counter, in the order they joined."""
    return await _with_roles(tx, organisation_id, list(Role), page, show_member, reader=reader)


async def counter_staff(
    tx: AsyncSession, organisation_id: UUID, page: PageRequest, *, reader: str
) -> Page[schemas.CounterStaff]:
    """Who works at a county's counter now, in the order they joined."""
    return await _with_roles(tx, organisation_id, list(CounterRole), page, show_counter_staff, reader=reader)


async def staff(
    tx: AsyncSession, organisation_id: UUID, page: PageRequest, *, reader: str
) -> Page[schemas.StaffMember]:
    """Everybody who holds a role in an organisation now, in the order they joined."""
    return await _with_roles(tx, organisation_id, EVERY_ROLE, page, show_staff, reader=reader)


async def _with_roles(
    tx: AsyncSession,
    organisation_id: UUID,
    roles: Sequence[AnyRole],
    page: PageRequest,
    show: Callable[[Membership, str], Shown],
    *,
    reader: str,
) -> Page[Shown]:
    query = select(Membership).where(
        Membership.organisation_id == organisation_id, Membership.ended_at.is_(None), Membership.role.in_(roles)
    )
    found = await page_of(tx, query, page, Membership.id, lambda membership: membership)
    clear = await read_personal_data(
        tx, [member.person_id for member in found.items], ["phone"], reader=reader, purpose=Purpose.MEMBER_LIST
    )
    shown = [show(member, clear[member.person_id].phone or "") for member in found.items]
    return Page(items=shown, next_cursor=found.next_cursor)


async def holds_role(tx: AsyncSession, person_id: UUID) -> bool:
    """Whether a person has any role now."""
    current = select(Membership.id).where(Membership.person_id == person_id, Membership.ended_at.is_(None))
    return await tx.scalar(current.limit(1)) is not None


def membership_claims(session: Session, person: Person, factor_id: UUID | None) -> list[dict[str, Any]]:
    """A person's roles for their access token, without those that need a proofed identity where it is not.

    None where the sign-in used no second factor that was vouched for and still is theirs.
    """
    factor = session.get(Factor, factor_id) if factor_id else None
    if factor is None or factor.removed_at is not None or factor.vouched_at is None:
        return []
    withheld = TWO_PERSON_ROLES if person.assurance_level < PROOFED else ()
    rows = session.execute(
        select(Membership.organisation_id, Membership.role, Organisation.division_code)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id == person.id, Membership.ended_at.is_(None), Membership.role.not_in(withheld))
        # Operators may stay beyond their time, as the last ones; the worker decides.
        .where(or_(Membership.expires_at > now(), Membership.role == Role.OPERATOR))
        .order_by(Membership.id)
    )
    return [
        {"organisation_id": str(row.organisation_id), "role": row.role, "division_code": row.division_code}
        for row in rows
    ]
