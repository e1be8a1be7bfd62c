from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound
from kit.fields.phones import mask_phone
from svc_identity.organisations.models import CompanyRole, Organisation, Role
from svc_identity.organisations.reach import readable, require_readable
from svc_identity.organisations.role_changes import schemas
from svc_identity.organisations.role_changes.models import RoleChange, Status
from svc_identity.people.names import mask_name
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data


async def listed(
    tx: AsyncSession, caller: Caller, page: PageRequest, *, status: Status | None, organisation_id: UUID | None
) -> Page[schemas.RoleChange]:
    """Role changes within the reach of the caller, the oldest first."""
    query = select(RoleChange).where(_readable(caller))
    if status:
        query = query.where(RoleChange.status == status)
    if organisation_id:
        query = query.where(RoleChange.organisation_id == organisation_id)
    found = await page_of(tx, query, page, RoleChange.id, lambda change: change)
    items = await _shown(tx, found.items, caller.subject, named=_is_named_to(caller))
    return Page(items=items, next_cursor=found.next_cursor)


async def read(tx: AsyncSession, caller: Caller, role_change_id: UUID) -> schemas.RoleChange:
    """A role change within the reach of the caller.

    Raises:
        NotFound, NotYourDivision
    """
    change = await tx.get(RoleChange, role_change_id)
    if change is None:
        raise NotFound
    if not await tx.scalar(select(RoleChange.id).where(RoleChange.id == change.id, _readable(caller))):
        if not _is_named_to(caller):
            raise NotFound
        await require_readable(tx, caller, change.organisation_id)
    return await shown(tx, role_change_id, reader=caller.subject, named=_is_named_to(caller))


def _readable(caller: Caller) -> ColumnElement[bool]:
    """Which role changes a caller reads about: of their divisions, and of a company whose admin they are."""
    own = [each.organisation_id for each in caller.memberships_as(CompanyRole.PROVIDER_ADMIN)]
    of_company = and_(RoleChange.organisation_id.in_(own), RoleChange.role.in_([*CompanyRole]))
    return or_(RoleChange.organisation_id.in_(select(Organisation.id).where(readable(caller))), of_company)


def _is_named_to(caller: Caller) -> bool:
    """Whether a caller sees names: a company learns nothing about the person of a phone."""
    return bool(caller.memberships_as(Role.OPERATOR, Role.AUDITOR))


async def shown_to(tx: AsyncSession, caller: Caller, role_change_id: UUID) -> schemas.RoleChange:
    """A role change as its proposer or approver sees it."""
    return await shown(tx, role_change_id, reader=caller.subject, named=_is_named_to(caller))


async def shown(tx: AsyncSession, role_change_id: UUID, *, reader: str, named: bool) -> schemas.RoleChange:
    """One role change.

    Raises:
        NotFound
    """
    change = await tx.get(RoleChange, role_change_id)
    if change is None:
        raise NotFound
    return (await _shown(tx, [change], reader, named=named))[0]


async def _shown(
    tx: AsyncSession, changes: Sequence[RoleChange], reader: str, *, named: bool
) -> list[schemas.RoleChange]:
    persons = [change.person_id for change in changes]
    fields = ["phone", "name"] if named else ["phone"]
    clear = await read_personal_data(tx, persons, fields, reader=reader, purpose=Purpose.MEMBER_LIST)
    return [_presented(change, clear[change.person_id].phone, clear[change.person_id].name) for change in changes]


def _presented(change: RoleChange, phone: str | None, name: str | None) -> schemas.RoleChange:
    plain = ("action", "status", "organisation_id", "person_id", "role", "membership_id", "until", "reason")
    steps = ("proposed_by", "proposed_at", "expires_at", "decided_by", "decided_at")
    return schemas.RoleChange(
        role_change_id=change.id,
        phone=mask_phone(phone or ""),
        name=mask_name(name) if name else None,
        **{field: getattr(change, field) for field in (*plain, *steps)},
    )
