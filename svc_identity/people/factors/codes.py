"""Recovery codes, good in the place of a lost factor, and enrolment codes, which let staff set up their first one.

Both are stored as keyed hashes and are good once: the row is taken by an UPDATE, so of two at once one gets it.
"""

import secrets
import unicodedata
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.people.factors.models import ENROLMENT_LIFE, EnrolmentCode, RecoveryCode
from svc_identity.vault.blind_indexes import keyed_hash

RECOVERY_CODES = 10
ENROLMENT_CODE_ISSUED = SecurityEvent("enrolment_code_issued")
ENROLMENT_CODE_USED = SecurityEvent("enrolment_code_used")
RECOVERY_CODE_USED = SecurityEvent("recovery_code_used")
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Nothing in it looks like another of it."""
_RECOVERY_LENGTH, _ENROLMENT_LENGTH, _GROUP = 12, 16, 4
_LONGEST = 40


def normal(typed: str) -> str:
    """A typed code without spaces and hyphens, in ASCII capitals and digits."""
    half_width = unicodedata.normalize("NFKC", typed[:_LONGEST]).upper()
    digits = (str(unicodedata.decimal(character, character)) for character in half_width)
    return "".join(character for character in digits if character.isalnum())


async def renew_recovery_codes(tx: AsyncSession, person_id: UUID) -> list[str]:
    """New recovery codes of a person in the place of the ones before, to be shown once."""
    await forget_recovery_codes(tx, person_id)
    codes = [_new_code(_RECOVERY_LENGTH) for _ in range(RECOVERY_CODES)]
    tx.add_all([RecoveryCode(person_id=person_id, code_hash=_hash("recovery_codes", code)) for code in codes])
    return codes


async def forget_recovery_codes(tx: AsyncSession, person_id: UUID) -> None:
    await tx.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))


async def use_recovery_code(tx: AsyncSession, person_id: UUID, typed: str) -> bool:
    """Use up a recovery code; false where it is none of this person's, or used."""
    if len(normal(typed)) != _RECOVERY_LENGTH:
        return False
    same = (RecoveryCode.person_id == person_id, RecoveryCode.code_hash == _hash("recovery_codes", typed))
    take = update(RecoveryCode).where(*same, RecoveryCode.used_at.is_(None)).values(used_at=now())
    used = await tx.scalar(take.returning(RecoveryCode.id)) is not None
    if used:
        record_on_commit(tx, RECOVERY_CODE_USED, person_id=person_id)
    return used


async def recovery_codes_left(tx: AsyncSession, person_id: UUID) -> int:
    unused = select(RecoveryCode.id).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    return len((await tx.scalars(unused)).all())


async def issue_enrolment_code(tx: AsyncSession, person_id: UUID, reason: str, issued_by: UUID | None) -> str:
    """A code with which a person sets up their first factor as staff; the ones before are no longer good.

    Args:
        tx: the transaction.
        person_id: who sets up the factor.
        reason: why it is issued; kept in the trail.
        issued_by: the operator, or None for the command on the server.
    """
    before = (EnrolmentCode.person_id == person_id, EnrolmentCode.used_at.is_(None), EnrolmentCode.expires_at > now())
    await tx.execute(update(EnrolmentCode).where(*before).values(expires_at=now()))
    code = _new_code(_ENROLMENT_LENGTH)
    hashed = _hash("enrolment_codes", code)
    row = EnrolmentCode(person_id=person_id, code_hash=hashed, reason=reason, issued_by=issued_by)
    row.expires_at = now() + ENROLMENT_LIFE
    tx.add(row)
    record_on_commit(tx, ENROLMENT_CODE_ISSUED, person_id=person_id, issued_by=issued_by)
    return code


async def use_enrolment_code(tx: AsyncSession, person_id: UUID, typed: str) -> bool:
    """Use up an enrolment code; false where it is none of this person's, expired or used."""
    same = (EnrolmentCode.person_id == person_id, EnrolmentCode.code_hash == _hash("enrolment_codes", typed))
    good = (EnrolmentCode.used_at.is_(None), EnrolmentCode.expires_at > now())
    take = update(EnrolmentCode).where(*same, *good).values(used_at=now())
    used = await tx.scalar(take.returning(EnrolmentCode.id)) is not None
    if used:
        record_on_commit(tx, ENROLMENT_CODE_USED, person_id=person_id)
    return used


def _new_code(length: int) -> str:
    characters = "".join(secrets.choice(_ALPHABET) for _ in range(length))
    return "-".join(characters[start : start + _GROUP] for start in range(0, length, _GROUP))


def _hash(place: str, code: str) -> bytes:
    return keyed_hash(place, normal(code))
