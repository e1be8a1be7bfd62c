"""The caller's own password. Hashing is done between transactions: it takes a tenth of a second and much memory."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database
from chassis.problems import Problem
from svc_identity.oauth.sign_ins.service import end_others
from svc_identity.people.passwords import service as passwords
from svc_identity.people.passwords.hashing import Hashing
from svc_identity.people.passwords.policy import fault_of
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.service import known_person
from svc_identity.sign_in.own_password import schemas
from svc_identity.sign_in.phone_changes.models import PhoneNotice

SET, REMOVED = "password_set", "password_removed"
"""Notices to the phone."""


class WeakPassword(Problem):
    """Too short, too long, what many choose, or the person's own number: `reason` says which."""

    status, code = 422, "weak_password"


class WrongPassword(Problem):
    status, code = 422, "wrong_password"


class PasswordBlocked(Problem):
    """Too many wrong passwords."""

    status, code = 429, "password_blocked"

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(wait)}


async def state(tx: AsyncSession, person_id: UUID) -> schemas.PasswordState:
    found = await passwords.password_of(tx, person_id)
    if found is None:
        return schemas.PasswordState(is_set=False, set_at=None, removal_at=None)
    return schemas.PasswordState(is_set=True, set_at=found.set_at, removal_at=found.removal_at)


async def verify_current(database: Database, hashing: Hashing, caller: Caller, typed: str) -> bool:
    """Check the current password, if there is one, and whether there is; the try is counted before.

    Raises:
        WrongPassword, PasswordBlocked, PasswordsBusy
    """
    device = _device_of(caller)
    try:
        async with database.transaction() as tx:
            known = await passwords.password_of(tx, caller.id)
            if known is None:
                return False
            await passwords.count_try(tx, caller.id, device)
    except passwords.PasswordBlocked as blocked:
        raise PasswordBlocked(blocked.wait) from None
    if not await hashing.fits(typed, known.hash or ""):
        raise WrongPassword
    return True


async def require_strong(tx: AsyncSession, caller: Caller, chosen: str) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        WeakPassword
    """
    clear = await read_personal_data(tx, [caller.id], ["phone"], reader=str(caller.id), purpose=Purpose.OWN_PROFILE)
    if fault := fault_of(chosen, clear[caller.id].phone or ""):
        raise WeakPassword(reason=fault.value)


async def replace(
    tx: AsyncSession, caller: Caller, hashed: str, language: str, *, had_one: bool
) -> schemas.PasswordState:
    """Keep a new password; every other sign-in of the person ends.

    Raises:
        WrongPassword: one was set meanwhile.
    """
    await known_person(tx, caller.id, for_update=True)
    if await passwords.password_of(tx, caller.id) and not had_one:
        raise WrongPassword
    await passwords.replace(tx, caller.id, hashed)
    await end_others(tx, caller.id, kept=UUID(caller.sid) if caller.sid else None)
    await tell(tx, caller.id, SET, language)
    return await state(tx, caller.id)


async def remove(tx: AsyncSession, caller: Caller, language: str) -> schemas.PasswordState:
    """End the password."""
    await known_person(tx, caller.id, for_update=True)
    await passwords.remove(tx, caller.id, "by_owner")
    await tell(tx, caller.id, REMOVED, language)
    return await state(tx, caller.id)


async def tell(tx: AsyncSession, person_id: UUID, template: str, language: str) -> None:
    """Send a notice to the phone of a person."""
    clear = await read_personal_data(tx, [person_id], ["phone"], reader=str(person_id), purpose=Purpose.OWN_PROFILE)
    if phone := clear[person_id].phone:
        tx.add(PhoneNotice(phone=phone, template=template, language=language, link=""))


def _device_of(caller: Caller) -> bytes:
    # Counted by sign-in, which needed the password itself if there was one: nobody else can use them up.
    return f"{caller.sid}".encode()
