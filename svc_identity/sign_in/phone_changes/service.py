"""A person moves to another phone: a code to the new number, and what proves that the old one is theirs.

An SMS alone never moves a proved identity: somebody with a swapped SIM has that. So whoever has a second factor uses
it, and whoever has proved an identity without one proves it again; only at level 1 the two codes are enough.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.oauth.sign_ins.service import end_others
from svc_identity.organisations.queries import holds_role
from svc_identity.people.consents.models import Consent
from svc_identity.people.factors import service as factors
from svc_identity.people.factors.passkeys import RelyingParty
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.events import PersonPhoneChanged
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import id_number_index, phone_index, registered
from svc_identity.people.proofing.schemas import Proof
from svc_identity.people.suspensions.queries import is_suspended
from svc_identity.settings import Settings
from svc_identity.sign_in.continuity import release_phone
from svc_identity.sign_in.models import KnownDevice
from svc_identity.sign_in.phone_changes import codes
from svc_identity.sign_in.phone_changes.models import ChangeStatus, EndReason, PhoneChange, PhoneNotice
from svc_identity.sign_in.phone_changes.refusals import (
    Blocked,
    ChangeOver,
    FactorBlocked,
    NoTriesLeft,
    PhoneInUse,
    WrongFactor,
    WrongIdentity,
)
from svc_identity.sign_in.refusals import Refused
from svc_identity.vault.blind_indexes import lock_of
from svc_identity.vault.reindexing import settle

PHONE_CHANGED = SecurityEvent("phone_changed")
PHONE_CHANGE_FAILED = SecurityEvent("phone_change_failed")
MOVED = "phone_moved"
"""The notice to the old number that the account has left it."""


class Needed(StrEnum):
    """What stands beside the code to the new phone."""

    FACTOR = "factor"
    OLD_PHONE = "old_phone"
    OLD_PHONE_AND_IDENTITY = "old_phone_and_identity"


@dataclass(frozen=True)
class Given:
    """What the person typed."""

    new_code: str = ""
    old_code: str = ""
    factor_code: str = ""
    assertion: str = ""
    name: str = ""
    id_number: str = ""
    takes_over: bool = False
    """That the new number may be taken from the account that has it."""


async def needed_of(tx: AsyncSession, person: Person) -> Needed:
    if await factors.factors_of(tx, person.id) or await holds_role(tx, person.id):
        return Needed.FACTOR
    return Needed.OLD_PHONE_AND_IDENTITY if person.assurance_level >= PROOFED else Needed.OLD_PHONE


async def locked(tx: AsyncSession, change_id: UUID) -> PhoneChange | None:
    """A change with both its numbers, locked until the transaction ends: first the numbers, in one order.

    All that moves a person holds the number they leave, so of two changes at once the second sees what the first did.
    """
    change = await tx.get(PhoneChange, change_id)
    if change is None:
        return None
    numbers = {phone_index(phone) for phone in (change.old_phone, change.new_phone) if phone}
    for number in sorted({lock_of(index) for index in numbers}):
        await tx.execute(select(func.pg_advisory_xact_lock(number)))
    await settle(tx, *numbers)
    await tx.refresh(change, with_for_update=True)
    return change


def require_running(change: PhoneChange) -> PhoneChange:
    """A change that began a while ago at most, and has not ended.

    Raises:
        ChangeOver
    """
    if change.status != ChangeStatus.STARTED or change.created_at < now() - codes.CHANGE_LIFE:
        raise ChangeOver
    return change


async def owner_of(tx: AsyncSession, change: PhoneChange) -> Person:
    """The locked person whose phone the old number still is.

    Raises:
        ChangeOver
    """
    same = select(Person).where(Person.phone_index == change.old_index, Person.closed_at.is_(None))
    person = await tx.scalar(same.with_for_update().execution_options(populate_existing=True))
    if person is None or (change.person_id and person.id != change.person_id) or await is_suspended(tx, person.id):
        raise ChangeOver
    return person


async def confirm(
    tx: AsyncSession, settings: Settings, change: PhoneChange, given: Given, person: Person
) -> Refused | None:
    """Move a locked person whose codes were right, or return the refusal.

    It is not raised, because the same transaction has to commit the counted try.
    """
    if change.tries >= codes.TRIES:
        return NoTriesLeft(wait=0)
    needed = await needed_of(tx, person)
    if needed is not Needed.FACTOR and change.old_hash is None:  # the factor was removed meanwhile
        raise ChangeOver
    match needed:
        case Needed.FACTOR:
            refused = await _check_factor(tx, settings, change, given, person)
        case Needed.OLD_PHONE_AND_IDENTITY:
            refused = await check_identity(tx, change, given, person)
        case Needed.OLD_PHONE:
            refused = None
    if refused is None:
        refused = await check_new_phone(tx, change, given)
    if refused:
        record_on_commit(tx, PHONE_CHANGE_FAILED, refused.text, person_id=person.id)
        return refused
    await move(tx, change, person)
    return None


async def _check_factor(
    tx: AsyncSession, settings: Settings, change: PhoneChange, given: Given, person: Person
) -> Refused | None:
    if change.factor_passed_at:
        return None
    vouched = await holds_role(tx, person.id)
    try:
        if given.assertion:
            party, challenge = RelyingParty.of(settings), change.challenge or b""
            used = await factors.check_passkey(tx, party, person.id, challenge, given.assertion, vouched=vouched)
        else:
            used = await factors.check_code(tx, person.id, given.factor_code, vouched=vouched)
    except factors.CodesBlocked as blocked:
        return FactorBlocked(wait=blocked.wait)
    if used is None:
        return codes.wrong(change, WrongFactor)
    change.factor_passed_at = now()
    return None


async def check_identity(tx: AsyncSession, change: PhoneChange, given: Given, person: Person) -> Refused | None:
    """Compare name and ID number with those that the person has proved; the registry is not asked."""
    try:
        proof = Proof(name=given.name, id_number=given.id_number)
    except ValidationError:
        return WrongIdentity(left=codes.TRIES - change.tries)
    reader = str(person.id)
    clear = await read_personal_data(tx, [person.id], ["name"], reader=reader, purpose=Purpose.OWN_PROFILE)
    if (clear[person.id].name, person.id_number_index) == (proof.name, id_number_index(proof.id_number)):
        return None
    return codes.wrong(change, WrongIdentity)


async def check_new_phone(tx: AsyncSession, change: PhoneChange, given: Given) -> Refused | None:
    """Whether the new number is free, or may be taken from the account that has it, which is remembered."""
    other = await registered(tx, change.new_phone or "")
    change.displaced_id = other
    if other is None:
        return None
    if await is_suspended(tx, other):
        return Blocked()
    return None if given.takes_over else PhoneInUse()


async def move(tx: AsyncSession, change: PhoneChange, person: Person) -> None:
    """Give the person the new phone. Who had it keeps everything else; every other sign-in of the person ends."""
    old, new = change.old_phone, change.new_phone or ""
    if change.displaced_id:
        await release_phone(tx, new, change.id)
    for index in (change.old_index, change.new_index):
        await tx.execute(delete(KnownDevice).where(KnownDevice.phone_index == index))
    await settle(tx, phone_index(new))
    person.phone, person.phone_index = new, phone_index(new)
    change.person_id = person.id
    if old:
        tx.add(PhoneNotice(phone=old, template=MOVED, language=await language_of(tx, change), link=""))
    change.move_to(ChangeStatus.COMPLETED)
    await tx.flush()
    await end_live(tx, person.id, EndReason.OVERTAKEN)
    await end_others(tx, person.id, kept=change.sign_in_id)
    await emit(tx, PersonPhoneChanged(person_id=person.id))
    record_on_commit(tx, PHONE_CHANGED, change.way, person_id=person.id)


async def language_of(tx: AsyncSession, change: PhoneChange) -> str:
    """In which the person of a change agreed last; else that of the change."""
    agreed = select(Consent.language).where(Consent.person_id == change.person_id).order_by(Consent.id.desc())
    return await tx.scalar(agreed.limit(1)) or change.language


async def end_live(tx: AsyncSession, person_id: UUID, reason: EndReason) -> None:
    """End what is under way of a person."""
    live = PhoneChange.status.in_((ChangeStatus.STARTED, ChangeStatus.WAITING))
    mine = select(PhoneChange).where(PhoneChange.person_id == person_id, live).order_by(PhoneChange.id)
    for each in await tx.scalars(mine.with_for_update()):
        each.move_to(ChangeStatus.VOID, reason)
    await tx.flush()
