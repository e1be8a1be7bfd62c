"""Whether whoever has a phone now is who had it before: numbers are given to other people after some months.

The code of an SMS proves the phone, never the person. Where a browser that the phone does not know comes after long
silence, or says that the number was somebody else's, a proved identity is reached by its name and ID number only.
Otherwise the phone goes to a new person, and the one from before keeps everything but the phone.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id, now
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.oauth.models import TokenFamily
from svc_identity.oauth.requests import parse
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import APP_READER, read_personal_data
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import id_number_index, phone_index, registered
from svc_identity.people.proofing.schemas import Proof
from svc_identity.people.suspensions.queries import is_suspended
from svc_identity.settings import Settings
from svc_identity.sign_in import known_devices
from svc_identity.sign_in.code_limits import Typed
from svc_identity.sign_in.models import IdentityTry, KnownDevice, SignIn
from svc_identity.sign_in.refusals import Refused, TooOften
from svc_identity.sign_in.service import SignInOver
from svc_identity.vault.blind_indexes import lock_of
from svc_identity.vault.reindexing import settle

TRIES = 2
"""Of one sign-in: a first one and the correction of a typing error."""
TRIES_A_DAY = 5
"""Of one phone. Whoever has had the number before and has lost it pays for none of them."""
_DAY = timedelta(days=1)
PHONE_RELEASED = SecurityEvent("phone_released")
FORMER_PROOF_FAILED = SecurityEvent("proof_failed")


class Holder(StrEnum):
    """Who gets the sign-in of a phone whose code was right."""

    SAME = "same"
    NEW = "new"
    ASKED = "asked"
    """The pages ask whether it is the person from before."""


class NotTheOne(Refused):
    text = "former_wrong"


class NoProofLeft(TooOften):
    text = "former_no_tries"


async def holder_of(tx: AsyncSession, settings: Settings, sign_in: Typed, *, denies: bool) -> Holder:
    """Who gets a sign-in; the phone is locked until the transaction ends.

    Args:
        tx: the transaction that finishes or holds the sign-in.
        settings: of the service.
        sign_in: whose code was right.
        denies: whether the page was told that the number was somebody else's before.
    """
    await _lock(tx, sign_in)
    person_id = await registered(tx, sign_in.phone)
    if person_id is None or await is_suspended(tx, person_id):
        return Holder.SAME
    is_known = await known_devices.is_known(tx, sign_in.phone, sign_in.browser_hash)
    quiet_since = now() - timedelta(days=settings.phone_quiet_days)
    is_quiet = not is_known and await _last_used(tx, sign_in, person_id) < quiet_since
    if denies:  # asked whatever the level, so that a slip of the finger gives no account up
        return Holder.ASKED
    if not is_quiet:
        return Holder.SAME
    person = await tx.get_one(Person, person_id)
    return Holder.ASKED if person.assurance_level >= PROOFED else Holder.NEW


async def hold(tx: AsyncSession, sign_in: SignIn) -> None:
    """Keep a sign-in whose code was right open for the question."""
    sign_in.former_id = await registered(tx, sign_in.phone)
    sign_in.held_at, sign_in.finished_at = now(), None
    sign_in.tries, sign_in.answer = 0, None


async def prove(tx: AsyncSession, sign_in: SignIn, name: str, id_number: str) -> Refused | None:
    """Finish a locked sign-in that is held for the person from before, or return the refusal.

    Where this sign-in has no try left, the next one begins with its code, for which the page knows the wait. As with
    codes, what cannot be a name and a number costs no try, nor does what was tried already.

    Raises:
        SignInOver
    """
    person = await _former(tx, sign_in)
    today = [each for each in await _tries_of(tx, sign_in) if each > now() - _DAY]
    if len(today) >= TRIES_A_DAY:
        return NoProofLeft(wait=_seconds_until(today[TRIES_A_DAY - 1] + _DAY))
    if sign_in.tries >= TRIES:
        return NoProofLeft(wait=0)
    try:
        proof = Proof(name=name, id_number=id_number)
    except ValidationError:
        return NotTheOne(left=TRIES - sign_in.tries)
    reader = f"{APP_READER}{dict(parse(sign_in.request))['client_id']}"
    clear = await read_personal_data(tx, [person.id], ["name"], reader=reader, purpose=Purpose.OWN_PROFILE)
    index = id_number_index(proof.id_number)
    if (clear[person.id].name, person.id_number_index) == (proof.name, index):
        sign_in.finished_at, sign_in.held_at = now(), None
        return None
    _count(tx, sign_in, phone_index(f"{sign_in.id}{proof.name}{index.hex()}").hex())
    record_on_commit(tx, FORMER_PROOF_FAILED, "phone_from_before", person_id=person.id, sign_in_id=sign_in.id)
    tried = await _tries_of(tx, sign_in)
    left = min(TRIES - sign_in.tries, TRIES_A_DAY - len(tried))
    if left > 0:
        return NotTheOne(left=left)
    return NoProofLeft(wait=_seconds_until(tried[TRIES_A_DAY - 1] + _DAY) if len(tried) >= TRIES_A_DAY else 0)


def _count(tx: AsyncSession, sign_in: SignIn, tried: str) -> None:
    before = (sign_in.answer or "").split()
    if tried not in before:
        sign_in.tries += 1
        sign_in.answer = " ".join([*before, tried])
        tx.add(IdentityTry(id=new_id(), phone_index=phone_index(sign_in.phone)))


async def begin_anew(tx: AsyncSession, sign_in: SignIn) -> None:
    """Finish a locked sign-in that is held for a new person.

    Raises:
        SignInOver
    """
    await _former(tx, sign_in)
    await release_phone(tx, sign_in.phone, sign_in.id)
    sign_in.finished_at, sign_in.held_at = now(), None


async def release_phone(tx: AsyncSession, phone: str, sign_in_id: UUID) -> None:
    """Take a locked phone from its person, who keeps everything else, and forget its browsers."""
    index = phone_index(phone)
    person = (await tx.scalars(select(Person).where(Person.phone_index == index).with_for_update())).one()
    person.phone, person.phone_index = None, None
    await tx.execute(delete(KnownDevice).where(KnownDevice.phone_index == index))
    await tx.flush()
    record_on_commit(tx, PHONE_RELEASED, person_id=person.id, sign_in_id=sign_in_id)


async def _former(tx: AsyncSession, sign_in: SignIn) -> Person:
    """The person of whom a held sign-in was asked, unless the phone has changed hands or they have signed in since."""
    await _lock(tx, sign_in)
    person_id = await registered(tx, sign_in.phone)
    if sign_in.held_at is None or person_id is None or person_id != sign_in.former_id:
        raise SignInOver
    if await _last_used(tx, sign_in, person_id) >= sign_in.held_at or await is_suspended(tx, person_id):
        raise SignInOver
    return await tx.get_one(Person, person_id)


async def _lock(tx: AsyncSession, sign_in: Typed) -> None:
    index = phone_index(sign_in.phone)
    await tx.execute(select(func.pg_advisory_xact_lock(lock_of(index))))
    await settle(tx, index)


async def _last_used(tx: AsyncSession, sign_in: Typed, person_id: UUID) -> datetime:
    device = select(func.max(KnownDevice.used_at)).where(KnownDevice.phone_index == phone_index(sign_in.phone))
    app = select(func.max(TokenFamily.rotated_at)).where(TokenFamily.person_id == person_id)
    registered_at = select(Person.created_at).where(Person.id == person_id)
    times = [await tx.scalar(each) for each in (device, app, registered_at)]
    return max(each for each in times if each)


async def _tries_of(tx: AsyncSession, sign_in: SignIn) -> list[datetime]:
    """When wrong names and numbers were tried with a phone within a day, latest first."""
    of_phone = (IdentityTry.phone_index == phone_index(sign_in.phone), IdentityTry.tried_at > now() - _DAY)
    return list(await tx.scalars(select(IdentityTry.tried_at).where(*of_phone).order_by(IdentityTry.tried_at.desc())))


def _seconds_until(moment: datetime) -> int:
    return max(1, int((moment - now()).total_seconds()) + 1)


async def prune(tx: AsyncSession) -> None:
    """Delete tries that no limit counts."""
    await tx.execute(delete(IdentityTry).where(IdentityTry.tried_at < now() - _DAY))
