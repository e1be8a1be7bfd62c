"""A person's password: set, checked with few tries, forgotten and removed."""

import math
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.people.passwords.models import Password, PasswordTries

TRIES, WINDOW = 10, timedelta(hours=24)
"""Wrong passwords in unknown browsers together, or in one known browser; each needs a texted code first."""
PASSWORD_SET, PASSWORD_REMOVED = SecurityEvent("password_set"), SecurityEvent("password_removed")
PASSWORD_FORGOTTEN = SecurityEvent("password_forgotten")


class PasswordBlocked(Exception):  # noqa: N818 - a refusal is an answer
    """Too many wrong passwords."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


async def password_of(tx: AsyncSession, person_id: UUID, *, for_update: bool = False) -> Password | None:
    """The password that a person is asked for."""
    kept = select(Password).where(Password.person_id == person_id, Password.removed_at.is_(None))
    found: Password | None = await tx.scalar(kept.with_for_update() if for_update else kept)
    return None if found is None or (found.removal_at and found.removal_at <= now()) else found


async def count_try(tx: AsyncSession, person_id: UUID, device: bytes) -> None:
    """Count a try as a wrong one before it is looked at, so that many at once are counted one by one.

    Raises:
        PasswordBlocked
    """
    begun = insert(PasswordTries).values(person_id=person_id, device=device, wrong=0, since=now())
    of_browser = {"person_id": person_id, "device": device}
    # It locks a row that is there: retention deletes old ones at any moment.
    await tx.execute(begun.on_conflict_do_update(index_elements=[*of_browser], set_=of_browser))
    tries = await tx.get_one(PasswordTries, (person_id, device), with_for_update=True, populate_existing=True)
    if now() >= tries.since + WINDOW:
        tries.wrong, tries.since = 0, now()
    if tries.wrong >= TRIES:
        raise PasswordBlocked(math.ceil((tries.since + WINDOW - now()).total_seconds()))
    if tries.wrong == 0:
        tries.since = now()
    tries.wrong += 1


async def was_right(tx: AsyncSession, password: Password, device: bytes) -> None:
    """Forget the tries of a locked password; whoever knows it has not forgotten it."""
    tries = PasswordTries.person_id == password.person_id, PasswordTries.device == device
    await tx.execute(delete(PasswordTries).where(*tries))
    password.removal_at = None


async def replace(tx: AsyncSession, person_id: UUID, hashed: str) -> Password:
    """Set the password of a locked person."""
    await _end(tx, person_id)
    password = Password(person_id=person_id, hash=hashed)
    tx.add(password)
    await tx.execute(delete(PasswordTries).where(PasswordTries.person_id == person_id))
    await tx.flush()
    record_on_commit(tx, PASSWORD_SET, person_id=person_id)
    return password


async def remove(tx: AsyncSession, person_id: UUID, reason: str) -> None:
    """End the password of a locked person. Idempotent."""
    if await _end(tx, person_id):
        record_on_commit(tx, PASSWORD_REMOVED, reason, person_id=person_id)
    await tx.execute(delete(PasswordTries).where(PasswordTries.person_id == person_id))


async def _end(tx: AsyncSession, person_id: UUID) -> bool:
    kept = select(Password).where(Password.person_id == person_id, Password.removed_at.is_(None))
    password = await tx.scalar(kept.with_for_update())
    if password:
        password.remove()
        await tx.flush()
    return password is not None
