"""Second factors of a person: which count, whether a code is right, and how they come and go."""

import json
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn import base64url_to_bytes

from chassis.db import now
from chassis.outbox import emit
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.people.factors import codes, totp
from svc_identity.people.factors.events import FactorAdded, FactorRemoved
from svc_identity.people.factors.models import Factor, FactorKind, FactorNotice, FactorTries, What
from svc_identity.people.factors.passkeys import RelyingParty, use
from svc_identity.people.persons.models import Person

FACTOR_ADDED, FACTOR_REMOVED = SecurityEvent("factor_added"), SecurityEvent("factor_removed")
TRIES, WINDOW = 10, timedelta(minutes=15)
"""Wrong codes of a person within a window; then none is looked at until it ends. Each needs a texted code first."""


class CodesBlocked(Exception):  # noqa: N818 - a refusal is an answer
    """Too many wrong codes."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


async def factors_of(tx: AsyncSession, person_id: UUID, *, vouched: bool = False) -> Sequence[Factor]:
    """The factors of a person, the oldest first; only those that were vouched for where roles are at stake."""
    kept = select(Factor).where(Factor.person_id == person_id, Factor.removed_at.is_(None)).order_by(Factor.id)
    return (await tx.scalars(kept.where(Factor.vouched_at.is_not(None)) if vouched else kept)).all()


async def check_code(tx: AsyncSession, person_id: UUID, typed: str, *, vouched: bool) -> Factor | None:
    """The factor that a code of an authenticator app or a recovery code stands for, used up; None if it is wrong.

    Raises:
        CodesBlocked
    """
    tries = await lock_tries(tx, person_id)
    factors = await factors_of(tx, person_id, vouched=vouched)
    found = next((factor for factor in factors if _use_totp(factor, codes.normal(typed))), None)
    if found is None and factors and await codes.use_recovery_code(tx, person_id, typed):
        found = factors[0]
    _count(tries, right=found is not None)
    if found:
        found.used_at = now()
    return found


async def check_passkey(
    tx: AsyncSession, party: RelyingParty, person_id: UUID, challenge: bytes, assertion: str, *, vouched: bool
) -> Factor | None:
    """The passkey with which a device has signed the challenge; None if it has not."""
    given = _read(assertion)
    factors = await factors_of(tx, person_id, vouched=vouched) if given else ()
    found = next((factor for factor in factors if given and factor.credential_id == given.credential_id), None)
    return await _used(tx, party, found, challenge, given)


async def check_any_passkey(tx: AsyncSession, party: RelyingParty, challenge: bytes, assertion: str) -> Factor | None:
    """The passkey, of whomever, with which a device has signed the challenge; None if it has not.

    The device has to name the person as well, as WebAuthn wants where nobody was named to it (7.2, step 6).
    """
    given = _read(assertion)
    if given is None:
        return None
    same = (Factor.credential_id == given.credential_id, Factor.removed_at.is_(None))
    found = await tx.scalar(select(Factor).where(*same))
    if found is None or given.user != found.person_id.bytes:
        return None
    return await _used(tx, party, found, challenge, given)


class _Given(NamedTuple):
    """What a device says."""

    answer: dict[str, Any]
    credential_id: bytes
    user: bytes | None


def _read(assertion: str) -> _Given | None:
    try:
        answer = json.loads(assertion)
        user = answer["response"].get("userHandle")
        return _Given(answer, base64url_to_bytes(answer["rawId"]), base64url_to_bytes(user) if user else None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


async def _used(
    tx: AsyncSession, party: RelyingParty, found: Factor | None, challenge: bytes, given: _Given | None
) -> Factor | None:
    if found is None or given is None:
        return None
    # Locked, as its counter is compared and set.
    await tx.refresh(found, with_for_update=True)
    if found.removed_at or not use(party, found, challenge, given.answer):
        return None
    found.used_at = now()
    return found


async def lock_tries(tx: AsyncSession, person_id: UUID) -> FactorTries:
    """The counted tries of a person, locked: of many at once, each sees those before it.

    Raises:
        CodesBlocked
    """
    begun = insert(FactorTries).values(person_id=person_id, wrong=0, since=now())
    # It locks a row that is there: retention deletes old ones at any moment.
    await tx.execute(begun.on_conflict_do_update(index_elements=["person_id"], set_={"person_id": person_id}))
    tries = await tx.get_one(FactorTries, person_id, with_for_update=True, populate_existing=True)
    if now() >= tries.since + WINDOW:
        tries.wrong, tries.since = 0, now()
    if tries.wrong >= TRIES:
        raise CodesBlocked(math.ceil((tries.since + WINDOW - now()).total_seconds()))
    return tries


def _count(tries: FactorTries, *, right: bool) -> None:
    if tries.wrong == 0:
        tries.since = now()
    tries.wrong = 0 if right else tries.wrong + 1


def _use_totp(factor: Factor, typed: str) -> bool:
    if factor.kind != FactorKind.TOTP or factor.secret is None or len(typed) != totp.DIGITS:
        return False
    step = totp.step_of(factor.secret, typed, now(), after=factor.last_step)
    if step is None:
        return False
    factor.last_step = step
    return True


async def is_known_passkey(tx: AsyncSession, factor: Factor) -> bool:
    """Whether somebody has this passkey already."""
    same = (Factor.credential_id == factor.credential_id, Factor.removed_at.is_(None))
    return await tx.scalar(select(Factor.id).where(*same)) is not None


async def add(tx: AsyncSession, factor: Factor) -> list[str]:
    """Keep a new factor of a person; returns recovery codes where it is the first.

    One that is vouched for ends those that are not: whoever had only the phone number could have set them up.
    """
    await tx.get_one(Person, factor.person_id, with_for_update=True)
    before = await factors_of(tx, factor.person_id)
    stay = [each for each in before if each.vouched_at or not factor.vouched_at]
    for each in before:
        if each not in stay:
            await remove(tx, each, "replaced")
    tx.add(factor)
    await tx.flush()
    tx.add(FactorNotice(person_id=factor.person_id, what=What.ADDED))
    await emit(tx, FactorAdded(person_id=factor.person_id, factor_id=factor.id, kind=factor.kind))
    record_on_commit(tx, FACTOR_ADDED, factor.kind, person_id=factor.person_id, factor_id=factor.id)
    return [] if stay else await codes.renew_recovery_codes(tx, factor.person_id)


async def remove(tx: AsyncSession, factor: Factor, reason: str) -> None:
    """End a factor; with the last one the recovery codes end."""
    factor.remove()
    await tx.flush()
    if not await factors_of(tx, factor.person_id):
        await codes.forget_recovery_codes(tx, factor.person_id)
    tx.add(FactorNotice(person_id=factor.person_id, what=What.REMOVED))
    await emit(tx, FactorRemoved(person_id=factor.person_id, factor_id=factor.id, kind=factor.kind))
    record_on_commit(tx, FACTOR_REMOVED, reason, person_id=factor.person_id, factor_id=factor.id)


async def set_up_totp(
    tx: AsyncSession, person_id: UUID, secret: str, typed: str, name: str, *, vouched: bool
) -> tuple[Factor, list[str]] | None:
    """Keep an authenticator app that shows the right code; None if it does not. With the recovery codes to show.

    Args:
        tx: the transaction.
        person_id: whose it is.
        secret: its key.
        typed: the code that it shows now.
        name: what its owner calls it.
        vouched: whether an enrolment code or such a factor stands behind it.
    """
    step = totp.step_of(secret, codes.normal(typed), now(), after=None)
    if step is None:
        return None
    factor = Factor(person_id=person_id, kind=FactorKind.TOTP, name=name, secret=secret, last_step=step)
    factor.vouched_at = now() if vouched else None
    return factor, await add(tx, factor)
