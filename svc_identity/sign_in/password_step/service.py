"""The password of a sign-in, between the texted code and the app, where the person has one and no second factor."""

from datetime import timedelta
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from kit.security_log import record_on_commit
from svc_identity.people.factors.service import factors_of
from svc_identity.people.passwords import service as passwords
from svc_identity.people.passwords.hashing import Hashing
from svc_identity.people.passwords.models import Password
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import id_number_index, registered
from svc_identity.people.proofing.schemas import Proof
from svc_identity.settings import Settings
from svc_identity.sign_in import service as sign_ins
from svc_identity.sign_in.known_devices import is_known
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.own_password.service import tell
from svc_identity.sign_in.refusals import Refused, TooOften
from svc_identity.sign_in.second_taps import is_first

FORGOTTEN = "password_forgotten"
"""The notice that the password ends after the waiting time."""


class WrongPassword(Refused):
    text = "wrong_password"


class PasswordBlocked(TooOften):
    text = "password_blocked"


class NotTheOwner(Refused):
    text = "former_wrong_once"


async def is_asked(tx: AsyncSession, sign_in: SignIn) -> bool:
    """Whether the person of a phone whose code was right has a password to type, and no second factor instead."""
    if sign_in.password_passed_at:
        return False
    person_id = await registered(tx, sign_in.phone)
    if person_id is None or await factors_of(tx, person_id):
        return False
    return await passwords.password_of(tx, person_id) is not None


async def running(tx: AsyncSession, sign_in_id: UUID, browser: bytes, *, for_update: bool = False) -> SignIn:
    """A running sign-in of this browser that waits for a password.

    Raises:
        SignInOver
    """
    sign_in = await sign_ins.running(tx, sign_in_id, browser, for_update=for_update)
    if sign_in.phone_passed_at is None or not await is_asked(tx, sign_in):
        raise sign_ins.SignInOver
    return sign_in


async def check(database: Database, hashing: Hashing, sign_in_id: UUID, browser: bytes, typed: str) -> Refused | None:
    """Check a typed password and remember that it was right, or return the refusal.

    The try is counted before the hash is computed, which is between two transactions.

    Raises:
        SignInOver, PasswordsBusy
    """
    try:
        async with database.transaction() as tx:
            sign_in = await running(tx, sign_in_id, browser, for_update=True)
            known, device = await _password(tx, sign_in), await _device(tx, sign_in)
            if not await _is_second_tap(tx, sign_in_id, typed):
                await passwords.count_try(tx, known.person_id, device)
    except passwords.PasswordBlocked as blocked:
        return PasswordBlocked(wait=blocked.wait)
    if not await hashing.fits(typed, known.hash or ""):
        return WrongPassword()
    async with database.transaction() as tx:
        sign_in = await running(tx, sign_in_id, browser, for_update=True)
        found = await _password(tx, sign_in, for_update=True)
        if found.id != known.id:  # changed meanwhile
            return WrongPassword()
        await passwords.was_right(tx, found, device)
        sign_in.password_passed_at = now()
    return None


async def forget(tx: AsyncSession, settings: Settings, sign_in: SignIn, name: str, id_number: str) -> Refused | None:
    """Let the password of a locked sign-in end after the waiting time, or return the refusal.

    A proved person proves name and ID number; a sign-in with the password in between keeps it.
    """
    found = await _password(tx, sign_in, for_update=True)
    if found.removal_at is not None:
        return None
    person = await tx.get_one(Person, found.person_id)
    if person.assurance_level >= PROOFED:
        try:
            if not await _is_second_tap(tx, sign_in.id, name, id_number):
                await passwords.count_try(tx, person.id, await _device(tx, sign_in))
        except passwords.PasswordBlocked as blocked:
            return PasswordBlocked(wait=blocked.wait)
        if not await _is(tx, person, name, id_number):
            return NotTheOwner()
    found.removal_at = now() + timedelta(days=settings.lost_phone_days)
    await tell(tx, person.id, FORGOTTEN, sign_in.language)
    record_on_commit(tx, passwords.PASSWORD_FORGOTTEN, person_id=person.id, sign_in_id=sign_in.id)
    return None


async def _is_second_tap(tx: AsyncSession, sign_in_id: UUID, *typed: str) -> bool:
    """Whether the same was posted once a moment ago; a third time counts again, as each costs a computed hash."""
    posted = ("password", str(sign_in_id), *typed)
    return not await is_first(tx, *posted) and await is_first(tx, "again", *posted)


async def _is(tx: AsyncSession, person: Person, name: str, id_number: str) -> bool:
    try:
        proof = Proof(name=name, id_number=id_number)
    except ValidationError:
        return False
    clear = await read_personal_data(tx, [person.id], ["name"], reader=str(person.id), purpose=Purpose.OWN_PROFILE)
    return (clear[person.id].name, person.id_number_index) == (proof.name, id_number_index(proof.id_number))


async def asks_identity(tx: AsyncSession, sign_in: SignIn) -> bool:
    """Whether forgetting the password takes name and ID number."""
    person = await tx.get_one(Person, (await _password(tx, sign_in)).person_id)
    return person.assurance_level >= PROOFED


async def _password(tx: AsyncSession, sign_in: SignIn, *, for_update: bool = False) -> Password:
    person_id = await registered(tx, sign_in.phone)
    found = await passwords.password_of(tx, person_id, for_update=for_update) if person_id else None
    if found is None:
        raise sign_ins.SignInOver
    return found


async def _device(tx: AsyncSession, sign_in: SignIn) -> bytes:
    """A browser that the phone knows counts apart, so that a thief of the number takes no try of its owner."""
    known = await is_known(tx, sign_in.phone, sign_in.browser_hash)
    return sign_in.browser_hash if known else b""
