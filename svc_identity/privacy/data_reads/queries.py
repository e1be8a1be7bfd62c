"""Who has read a person's data: here, from the log of each read, and in other services, from their events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CompoundSelect, Select, Uuid, literal, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import BadCursor, Page, PageRequest, cursor_after
from chassis.problems import NotFound
from svc_identity.organisations.models import CounterRole, Membership, Role
from svc_identity.people.personal_data.models import PersonalDataRead, Purpose
from svc_identity.people.personal_data.service import APP_READER
from svc_identity.privacy.data_reads import schemas
from svc_identity.privacy.data_reads.models import DataRead

SERVICE = "identity"
_ROLES = {
    Purpose.MEMBER_LIST: (Role.OPERATOR, Role.AUDITOR),
    Purpose.IDENTITY_CLAIM: (CounterRole.CLERK, CounterRole.TILL_SUPERVISOR),
    Purpose.CORRECTION: (CounterRole.CLERK,),
}
"""By which roles staff reads for a purpose."""


class _Row(NamedTuple):
    id: UUID
    person_id: UUID
    service: str
    data: list[str]
    reason: str
    role: str | None
    organisation_id: UUID | None
    read_at: datetime
    reader: str | None
    reference: str | None


def _here() -> Select[Any]:
    columns = PersonalDataRead.id, PersonalDataRead.person_id, literal(SERVICE).label("service")
    unknown = null().label("role"), null().cast(Uuid).label("organisation_id")
    what = PersonalDataRead.fields.label("data"), PersonalDataRead.purpose.label("reason")
    by = PersonalDataRead.reader, null().label("reference")
    # What people read of themselves is no news to them.
    others = PersonalDataRead.reader != PersonalDataRead.person_id.cast(PersonalDataRead.reader.type)
    return select(*columns, *what, *unknown, PersonalDataRead.read_at, *by).where(others)


def _elsewhere() -> Select[Any]:
    columns = DataRead.id, DataRead.person_id, DataRead.service, DataRead.data, DataRead.reason, DataRead.role
    rest = DataRead.organisation_id, DataRead.read_at, null().label("reader"), DataRead.reference
    statement: Any = select(*columns, *rest)  # more columns than SQLAlchemy types one by one
    return statement  # type: ignore[no-any-return]


def _either(here: Select[Any], elsewhere: Select[Any]) -> CompoundSelect[Any]:
    return union_all(here, elsewhere)


async def reads_of(tx: AsyncSession, person_id: UUID, page: PageRequest) -> Page[schemas.DataRead]:
    """Who else has read a person's data, newest first."""
    here = _here().where(PersonalDataRead.person_id == person_id)
    elsewhere = _elsewhere().where(DataRead.person_id == person_id)
    if page.after is not None:
        try:
            after = UUID(page.after)
        except ValueError:
            raise BadCursor from None
        here, elsewhere = here.where(PersonalDataRead.id < after), elsewhere.where(DataRead.id < after)
    most = page.limit + 1
    # Each side by its own index, then merged.
    newest = _either(
        select(here.order_by(PersonalDataRead.id.desc()).limit(most).subquery()),
        select(elsewhere.order_by(DataRead.id.desc()).limit(most).subquery()),
    ).subquery()
    rows = [_Row(*row) for row in await tx.execute(select(newest).order_by(newest.c.id.desc()).limit(most))]
    items = [schemas.DataRead(**await _shown(tx, row)) for row in rows[: page.limit]]
    return Page(items=items, next_cursor=cursor_after(items[-1].read_id) if len(rows) > page.limit else None)


async def resolve(tx: AsyncSession, read_id: UUID) -> schemas.ResolvedDataRead:
    """A read with its reader, for an auditor.

    Raises:
        NotFound
    """
    found = _either(_here().where(PersonalDataRead.id == read_id), _elsewhere().where(DataRead.id == read_id))
    row = (await tx.execute(found)).one_or_none()
    if row is None:
        raise NotFound
    read = _Row(*row)
    shown = await _shown(tx, read)
    return schemas.ResolvedDataRead(
        **shown, person_id=read.person_id, reader=read.reader, audit_record_id=read.reference
    )


async def _shown(tx: AsyncSession, row: _Row) -> dict[str, Any]:
    role, organisation_id, client_id = row.role, row.organisation_id, None
    if row.reader and row.reader.startswith(APP_READER):
        client_id = row.reader.removeprefix(APP_READER)
    elif row.reader:
        role, organisation_id = await _role_at(tx, row)
    return {
        "read_id": row.id,
        "service": row.service,
        "data": row.data,
        "reason": row.reason,
        "role": role,
        "organisation_id": organisation_id,
        "client_id": client_id,
        "read_at": row.read_at,
    }


async def _role_at(tx: AsyncSession, row: _Row) -> tuple[str | None, UUID | None]:
    """The role by which staff read here, from the memberships of that moment, which are never deleted."""
    roles: Sequence[str] = _ROLES.get(Purpose(row.reason), ())
    held = (
        select(Membership.role, Membership.organisation_id)
        .where(
            Membership.person_id == UUID(row.reader or ""),
            Membership.role.in_(roles),
            Membership.created_at <= row.read_at,
            or_(Membership.ended_at.is_(None), Membership.ended_at > row.read_at),
        )
        .order_by(Membership.id)
        .limit(1)
    )
    found = (await tx.execute(held)).one_or_none()
    return (found.role, found.organisation_id) if found else (None, None)
