"""A change of phone by somebody who is signed in."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound
from chassis.tokens import TokenInvalid
from kit.fields.phones import mask_phone
from kit.security_log import record_on_commit
from svc_identity.people.factors.models import FactorKind
from svc_identity.people.factors.passkeys import RelyingParty, request_options
from svc_identity.people.factors.service import factors_of
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.service import known_person
from svc_identity.settings import Settings
from svc_identity.sign_in.phone_changes import codes, schemas, service
from svc_identity.sign_in.phone_changes.models import ChangeStatus, EndReason, PhoneChange, Way
from svc_identity.sign_in.phone_changes.refusals import (
    ChangeOver,
    NoTriesLeft,
    PhoneReleased,
    SamePhone,
    TooManyPhoneChanges,
)
from svc_identity.sign_in.phone_changes.service import PHONE_CHANGE_FAILED, Given, Needed
from svc_identity.sign_in.refusals import Refused

BEGUN_A_DAY = 5
_DAY = timedelta(days=1)


class Where(NamedTuple):
    """Where a request comes from."""

    address: str
    language: str


async def begin(
    tx: AsyncSession, settings: Settings, caller: Caller, new_phone: str, where: Where
) -> tuple[PhoneChange, list[codes.ToSend]]:
    """Begin to move the caller to another phone.

    Raises:
        PhoneReleased, SamePhone, TooManyPhoneChanges, TooManyCodes
    """
    person, sign_in_id = await known_person(tx, caller.id, for_update=True), _sign_in_of(caller)
    clear = await read_personal_data(tx, [person.id], ["phone"], reader=str(person.id), purpose=Purpose.OWN_PROFILE)
    old_phone = clear[person.id].phone
    if old_phone is None:
        raise PhoneReleased
    if old_phone == new_phone:
        raise SamePhone
    await _admit(tx, sign_in_id)
    needed = await service.needed_of(tx, person)
    origin = codes.Origin(where.address, where.language, person_id=person.id, sign_in_id=sign_in_id)
    with_old_code = needed is not Needed.FACTOR
    return await codes.begin(tx, settings, origin, Way.OLD_PHONE, old_phone, new_phone, with_old_code=with_old_code)


async def begun(tx: AsyncSession, settings: Settings, change: PhoneChange) -> schemas.BegunPhoneChange:
    """What the caller has to confirm a change with."""
    person = await known_person(tx, change.person_id or change.id)
    return schemas.BegunPhoneChange(
        phone_change_id=change.id,
        confirm_with=await service.needed_of(tx, person),
        old_phone=mask_phone(change.old_phone or ""),
        new_phone=mask_phone(change.new_phone or ""),
        passkey_options=await passkey_options(tx, settings, change, person.id),
        codes_expire_at=change.codes_expire_at,
    )


async def passkey_options(tx: AsyncSession, settings: Settings, change: PhoneChange, person_id: UUID) -> str | None:
    keys = [each for each in await factors_of(tx, person_id) if each.kind == FactorKind.PASSKEY]
    return request_options(RelyingParty.of(settings), change.challenge or b"", keys) if keys else None


async def _admit(tx: AsyncSession, sign_in_id: UUID) -> None:
    """Counted by sign-in, so that a thief of one token takes nothing from the next sign-in of its owner."""
    of_sign_in = PhoneChange.sign_in_id == sign_in_id, PhoneChange.created_at > now() - _DAY
    recent = select(PhoneChange.created_at).where(*of_sign_in).order_by(PhoneChange.created_at.desc())
    begun = (await tx.scalars(recent.limit(BEGUN_A_DAY))).all()
    if len(begun) >= BEGUN_A_DAY:
        raise TooManyPhoneChanges(begun[-1] + _DAY)


async def confirm(
    tx: AsyncSession,
    settings: Settings,
    caller: Caller,
    phone_change_id: UUID,
    typed: schemas.PhoneChangeConfirmation,
) -> Refused | None:
    """Move the caller, or return the refusal, whose try is to be committed.

    Raises:
        ChangeOver
    """
    change = await service.locked(tx, phone_change_id)
    if change is None or change.sign_in_id != _sign_in_of(caller) or change.person_id != caller.id:
        raise ChangeOver
    person = await service.owner_of(tx, service.require_running(change))
    old_code = typed.old_phone_code if change.old_hash else None
    if refused := codes.check(settings, change, typed.new_phone_code, old_code):
        await _say_when(tx, settings, change, refused)
        record_on_commit(tx, PHONE_CHANGE_FAILED, refused.text, person_id=person.id)
        return refused
    given = Given(
        factor_code=typed.factor_code,
        assertion=typed.assertion,
        name=typed.name,
        id_number=typed.id_number,
        takes_over=typed.takes_over,
    )
    refused = await service.confirm(tx, settings, change, given, person)
    await _say_when(tx, settings, change, refused)
    return refused


async def _say_when(tx: AsyncSession, settings: Settings, change: PhoneChange, refused: Refused | None) -> None:
    if isinstance(refused, NoTriesLeft):
        refused.wait = await codes.next_begin_in(tx, settings, change, "")


def _sign_in_of(caller: Caller) -> UUID:
    if caller.sid is None:  # a token of the release before the one that names sign-ins
        raise TokenInvalid
    return UUID(caller.sid)


def listed(person_id: UUID) -> Select[PhoneChange]:
    return select(PhoneChange).where(PhoneChange.person_id == person_id, PhoneChange.status != ChangeStatus.STARTED)


async def shown(tx: AsyncSession, phone_change_id: UUID) -> schemas.PhoneChange:
    return show(await tx.get_one(PhoneChange, phone_change_id))


async def stop(tx: AsyncSession, caller: Caller, phone_change_id: UUID) -> schemas.PhoneChange:
    """Stop a change of the caller that waits. Idempotent.

    Raises:
        NotFound
    """
    change = await service.locked(tx, phone_change_id)
    if change is None or change.person_id != caller.id or change.status == ChangeStatus.STARTED:
        raise NotFound
    if change.status != ChangeStatus.STOPPED:
        change.move_to(ChangeStatus.STOPPED, EndReason.BY_PERSON)
        await tx.flush()
    return show(change)


def show(change: PhoneChange) -> schemas.PhoneChange:
    return schemas.PhoneChange(
        phone_change_id=change.id,
        way=change.way,
        status=change.status,
        created_at=change.created_at,
        completes_at=change.completes_at,
        ended_at=change.ended_at,
        end_reason=change.end_reason,
    )
