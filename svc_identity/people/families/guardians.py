"""Family accounts of guardians: they begin without the child's word and end on its eighteenth birthday."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.fields.phones import mask_phone
from svc_identity.people import ages
from svc_identity.people.families import schemas, service
from svc_identity.people.families.models import LIVE, FamilyAccount, FamilyKind, FamilyScope, FamilyStatus
from svc_identity.people.names import mask_name
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.events import PersonClosed
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import known_person, phone_index
from svc_identity.vault.reindexing import settle

_EVERYTHING = {
    "scopes": sorted(FamilyScope),
    "day_limit_fen": schemas.MOST_FEN,
    "month_limit_fen": schemas.MOST_FEN,
}


class GuardianNotAdult(Problem):
    status, code = 403, "guardian_not_adult"


async def require_adult(tx: AsyncSession, person_id: UUID) -> None:
    """Refuse who is a minor.

    Raises:
        GuardianNotAdult
    """
    own = await read_personal_data(tx, [person_id], ["id_number"], reader=str(person_id), purpose=Purpose.OWN_PROFILE)
    if ages.is_under(own[person_id].id_number or "", ages.ADULT):
        raise GuardianNotAdult


async def active_of(tx: AsyncSession, child_id: UUID, guardian_id: UUID | None = None) -> FamilyAccount | None:
    """The family account of a guardian of a child, of any guardian without one; locked."""
    which = [FamilyAccount.helped_id == child_id, FamilyAccount.kind == FamilyKind.GUARDIAN]
    if guardian_id:
        which.append(FamilyAccount.helper_id == guardian_id)
    active = select(FamilyAccount).where(*which, FamilyAccount.status == FamilyStatus.ACTIVE)
    found: FamilyAccount | None = await tx.scalar(active.limit(1).with_for_update())
    return found


async def appoint(
    tx: AsyncSession, guardian_id: UUID, child_id: UUID, child_name: str, until: datetime
) -> schemas.FamilyAccount:
    """Make a person guardian of a child, at once."""
    guardian = await known_person(tx, guardian_id, for_update=True)
    clear = await read_personal_data(
        tx, [guardian_id], ["name", "phone"], reader=str(guardian_id), purpose=Purpose.OWN_PROFILE
    )
    own = clear[guardian_id]
    account = FamilyAccount(
        kind=FamilyKind.GUARDIAN,
        helped_id=child_id,
        helped_name=mask_name(child_name),
        phone_index=guardian.phone_index,
        phone_masked=mask_phone(own.phone or ""),
        name_index=service.name_index(own.name or ""),
        helper_name=mask_name(own.name or ""),
        valid_until=until,
        proposed_by=guardian_id,
        **_EVERYTHING,
    )
    tx.add(account)
    await tx.flush()
    return await service.begin(tx, account, guardian_id)


async def invite(tx: AsyncSession, guardian_id: UUID, child_id: UUID, phone: str, name: str) -> schemas.FamilyAccount:
    """Propose to be a guardian as well, until the same day.

    Raises:
        NotFound, OwnHelper, FamilyAccountExists, TooManyHelpers
    """
    own = await active_of(tx, child_id, guardian_id)
    if own is None:
        raise NotFound
    guardian, index = await known_person(tx, guardian_id, for_update=True), phone_index(phone)
    if index == guardian.phone_index:
        raise service.OwnHelper
    await settle(tx, index)
    await service.require_room(tx, child_id, index)
    account = FamilyAccount(
        kind=FamilyKind.GUARDIAN,
        helped_id=child_id,
        helped_name=own.helped_name,
        phone_index=index,
        phone_masked=mask_phone(phone),
        name_index=service.name_index(name),
        helper_name=mask_name(name),
        valid_until=own.valid_until,
        proposed_by=guardian_id,
        **_EVERYTHING,
    )
    tx.add(account)
    return await service.shown(tx, account, guardian_id)


async def erase_unhelped(tx: AsyncSession, account: FamilyAccount) -> None:
    """Erase who has no account of their own and whom nobody helps any more: for a child nobody consents any more."""
    helping = [FamilyStatus.ACTIVE] if account.kind == FamilyKind.GUARDIAN else [*LIVE]
    others = select(FamilyAccount).where(FamilyAccount.helped_id == account.helped_id)
    if await tx.scalar(others.where(FamilyAccount.status.in_(helping)).limit(1).with_for_update()):
        return
    helped = await tx.get_one(Person, account.helped_id, with_for_update=True)
    if helped.phone_index is not None or helped.closed_at:
        return
    for each in await tx.scalars(others.where(FamilyAccount.status.in_(LIVE)).with_for_update()):
        each.end(FamilyStatus.WITHDRAWN, None)
    helped.forget_all()
    await tx.flush()
    await emit(tx, PersonClosed(person_id=helped.id))
