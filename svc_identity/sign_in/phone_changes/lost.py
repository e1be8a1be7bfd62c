"""A lost phone without a second factor: name and ID number, and a waiting time in which the old number can stop it.

Tries are counted by the new number, whose owner tries, and strangers take none of anybody's first two, as in proofing.
Two who prove the same identity within the waiting time both end: a counter decides.
"""

import base64
import hmac
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.keys import derive
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import id_number_index
from svc_identity.people.proofing.schemas import Proof
from svc_identity.settings import Settings
from svc_identity.sign_in.browser import PATH
from svc_identity.sign_in.phone_changes import codes, service
from svc_identity.sign_in.phone_changes.models import ChangeStatus, EndReason, PhoneChange, PhoneNotice, ProofTry
from svc_identity.sign_in.phone_changes.refusals import ChangeOver, Contested, NotFromYou, NoTriesLeft, WrongIdentity
from svc_identity.sign_in.phone_changes.service import Given, Needed
from svc_identity.sign_in.refusals import Refused

TRIES_A_DAY = 5
"""Wrong names or numbers from one new phone."""
TRIES_WHERE_OTHERS_TRY, WRONG_BY_OTHERS = 2, 5
"""Once others have been wrong so often on one old number within a day, each has a first try and a correction."""
CONTESTED_FOR = timedelta(days=30)
"""Within this time after two have proved the same identity, only a counter moves it."""
BEGUN, SOON, NOT_MOVED = "phone_change_begun", "phone_change_soon", "phone_not_changed"
"""Notices: to the old number when the waiting begins and a day before its end; to the new one when it did not move."""
LOST_PHONE_CLAIMED = SecurityEvent("lost_phone_claimed")
PHONE_CHANGE_STOPPED = SecurityEvent("phone_change_stopped")
STOP_PATH = f"{PATH}/phone-stop"
_DAY = timedelta(days=1)


async def prove(tx: AsyncSession, settings: Settings, change: PhoneChange, given: Given) -> Refused | None:
    """Check the code and the proof of a locked change, or return the refusal, whose try is to be committed.

    Raises:
        ChangeOver
    """
    service.require_running(change)
    if refused := codes.check(settings, change, given.new_code, None):
        return refused
    if next_try := await _next_try_at(tx, change):
        return NoTriesLeft(wait=math.ceil((next_try - now()).total_seconds()))
    person = await _proved(tx, change, given)
    if person is None:
        return WrongIdentity(left=await left(tx, change))
    return await _obstacle(tx, change, given, person)


async def _proved(tx: AsyncSession, change: PhoneChange, given: Given) -> Person | None:
    """The person of the old number, if name and ID number are theirs; else the try is counted."""
    try:
        proof = Proof(name=given.name, id_number=given.id_number)
    except ValidationError:
        return None
    # By the number first, so that an old number of nobody costs the same work as somebody's.
    same = Person.phone_index == change.old_index, Person.id_number_index == id_number_index(proof.id_number)
    person: Person | None = await tx.scalar(select(Person).where(*same))
    if person is not None:
        reader = str(person.id)
        clear = await read_personal_data(tx, [person.id], ["name"], reader=reader, purpose=Purpose.OWN_PROFILE)
        if clear[person.id].name == proof.name:
            return person
    tx.add(ProofTry(new_index=change.new_index, old_index=change.old_index))
    await tx.flush()
    return None


async def _obstacle(tx: AsyncSession, change: PhoneChange, given: Given, person: Person) -> Refused | None:
    """What stands against it, said only to whoever has proved who they are."""
    if await service.needed_of(tx, person) is Needed.FACTOR:
        return NotFromYou()
    of_person = PhoneChange.person_id == person.id, PhoneChange.end_reason == EndReason.CONTESTED
    recent = select(PhoneChange.id).where(*of_person, PhoneChange.ended_at > now() - CONTESTED_FOR)
    if await tx.scalar(recent.limit(1)):
        return Contested()
    return await service.check_new_phone(tx, change, given)


async def _next_try_at(tx: AsyncSession, change: PhoneChange) -> datetime | None:
    """When the new number may try again; None where it may now."""
    own = await _wrong(tx, ProofTry.new_index == change.new_index)
    if len(own) >= TRIES_A_DAY:
        return own[TRIES_A_DAY - 1] + _DAY
    here = ProofTry.old_index == change.old_index
    own_here = await _wrong(tx, ProofTry.new_index == change.new_index, here)
    of_others = await _wrong(tx, ProofTry.new_index != change.new_index, here)
    if len(own_here) < TRIES_WHERE_OTHERS_TRY or len(of_others) < WRONG_BY_OTHERS:
        return None
    return min(own_here[TRIES_WHERE_OTHERS_TRY - 1], of_others[WRONG_BY_OTHERS - 1]) + _DAY


async def left(tx: AsyncSession, change: PhoneChange) -> int:
    """How many tries the new number has left today."""
    return TRIES_A_DAY - len(await _wrong(tx, ProofTry.new_index == change.new_index))


async def _wrong(tx: AsyncSession, *which: ColumnElement[bool]) -> Sequence[datetime]:
    recent = select(ProofTry.tried_at).where(*which, ProofTry.tried_at > now() - _DAY)
    return (await tx.scalars(recent.order_by(ProofTry.tried_at.desc()).limit(TRIES_A_DAY))).all()


async def wait(tx: AsyncSession, settings: Settings, change: PhoneChange, given: Given) -> Refused | None:
    """Let a locked change wait, once the registry has confirmed what `prove` found.

    Raises:
        ChangeOver
    """
    person = await service.owner_of(tx, service.require_running(change))
    if change.codes_passed_at is None:
        raise ChangeOver
    if refused := await _obstacle(tx, change, given, person):
        return refused
    change.person_id = person.id
    waiting = select(PhoneChange).where(PhoneChange.person_id == person.id, PhoneChange.status == ChangeStatus.WAITING)
    if other := await tx.scalar(waiting.with_for_update()):
        if other.new_index == change.new_index:  # the same one again
            raise ChangeOver
        for each in (other, change):
            _tell(tx, each, NOT_MOVED, each.new_phone or "")
            each.move_to(ChangeStatus.VOID, EndReason.CONTESTED)
        return Contested()
    change.completes_at = now() + timedelta(days=settings.lost_phone_days)
    change.stop_hash = _stop_hash(stop_code(settings, change.id))
    change.move_to(ChangeStatus.WAITING)
    await _warn(tx, settings, change, BEGUN)
    record_on_commit(tx, LOST_PHONE_CLAIMED, person_id=person.id)
    return None


async def stop(tx: AsyncSession, code: str) -> bool:
    """Stop the change whose code the old number got; whether one was waiting."""
    known = await tx.scalar(select(PhoneChange.id).where(PhoneChange.stop_hash == _stop_hash(code)))
    change = await service.locked(tx, known) if known else None
    if change is None or change.status != ChangeStatus.WAITING:
        return False
    _tell(tx, change, NOT_MOVED, change.new_phone or "")
    change.move_to(ChangeStatus.STOPPED, EndReason.BY_OLD_PHONE)
    record_on_commit(tx, PHONE_CHANGE_STOPPED, EndReason.BY_OLD_PHONE, person_id=change.person_id)
    return True


async def complete(tx: AsyncSession, change_id: UUID) -> None:
    """Move the person of a change whose waiting time is over; nothing where what it rests on has changed."""
    change = await service.locked(tx, change_id)
    if change is None or change.status != ChangeStatus.WAITING or not await _is_due(tx, change):
        return
    new_phone = change.new_phone or ""
    if reason := await _fault(tx, change):
        _tell(tx, change, NOT_MOVED, new_phone)
        change.move_to(ChangeStatus.VOID, reason)
        return
    await service.move(tx, change, await service.owner_of(tx, change))
    _tell(tx, change, service.MOVED, new_phone)


async def _is_due(tx: AsyncSession, change: PhoneChange) -> bool:
    """Whether it has waited, also for the message that lets the old number stop it; for that as long again at most."""
    if change.completes_at is None or change.completes_at > now():
        return False
    unsent = select(PhoneNotice.id).where(PhoneNotice.change_id == change.id, PhoneNotice.template == BEGUN)
    return await tx.scalar(unsent) is None or now() >= change.completes_at + (change.completes_at - change.created_at)


async def _fault(tx: AsyncSession, change: PhoneChange) -> EndReason | None:
    try:
        person = await service.owner_of(tx, change)
    except ChangeOver:
        return EndReason.OVERTAKEN
    if await service.needed_of(tx, person) is Needed.FACTOR:
        return EndReason.OVERTAKEN
    promised = change.displaced_id
    refused = await service.check_new_phone(tx, change, Given(takes_over=True))
    if refused or change.displaced_id not in {None, promised}:
        return EndReason.NUMBER_TAKEN
    return None


async def remind(tx: AsyncSession, settings: Settings, change: PhoneChange) -> None:
    """Tell the old number of a locked change that the waiting time ends soon."""
    change.reminded_at = now()
    await _warn(tx, settings, change, SOON)


async def _warn(tx: AsyncSession, settings: Settings, change: PhoneChange, template: str) -> None:
    """A message to the old number, in the language of its owner, not of whoever asks."""
    language = await service.language_of(tx, change)
    phone, link = change.old_phone or "", link_of(settings, change)
    tx.add(PhoneNotice(phone=phone, template=template, language=language, link=link, change_id=change.id))


def _tell(tx: AsyncSession, change: PhoneChange, template: str, phone: str) -> None:
    tx.add(PhoneNotice(phone=phone, template=template, language=change.language, link=""))


def link_of(settings: Settings, change: PhoneChange) -> str:
    return f"{settings.public_url}{STOP_PATH}?code={stop_code(settings, change.id)}"


def stop_code(settings: Settings, change_id: UUID) -> str:
    """Made anew for each message, and stored only as a hash."""
    key = derive(settings.index_key.get_secret_value(), "phone change stops")
    return base64.urlsafe_b64encode(hmac.digest(key, change_id.bytes, "sha256")[:16]).decode().rstrip("=")


def _stop_hash(code: str) -> bytes:
    return hmac.digest(b"stop", code.encode(), "sha256")
