"""Claims on the number of an account in use: a texted code alone takes a number from nobody.

The account's person gets a message, and refuses by signing in with the number, or in an app that is still signed in.
"""

import math
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.problems import NotFound
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.organisations.queries import holds_role
from svc_identity.people.consents.models import Consent
from svc_identity.people.factors.service import factors_of
from svc_identity.people.passwords.service import password_of
from svc_identity.people.persons.service import registered
from svc_identity.settings import Settings
from svc_identity.sign_in.number_claims import schemas
from svc_identity.sign_in.number_claims.models import REFUSED_FOR, NumberClaim
from svc_identity.sign_in.number_claims.refusals import NumberKept
from svc_identity.sign_in.phone_changes.models import PhoneNotice

CLAIMED = "number_claimed"
"""The notice to the number that somebody claims it."""
NUMBER_CLAIMED, NUMBER_CLAIM_REFUSED = SecurityEvent("number_claimed"), SecurityEvent("number_claim_refused")


async def is_protected(tx: AsyncSession, person_id: UUID) -> bool:
    """Whether more than a texted code stands before the account of a person."""
    if await factors_of(tx, person_id) or await password_of(tx, person_id):
        return True
    return await holds_role(tx, person_id)


async def claim(tx: AsyncSession, settings: Settings, person_id: UUID, phone: str, language: str) -> datetime | None:
    """Claim the locked number of an account that is in use; None when it may be released now, else when it may.

    Raises:
        NumberKept
    """
    begun = await tx.get(NumberClaim, person_id, with_for_update=True)
    if begun and begun.refused_at:
        if begun.refused_at > now() - REFUSED_FOR:
            raise NumberKept
        await tx.delete(begun)
        await tx.flush()
        begun = None
    if begun is None:
        begun = NumberClaim(person_id=person_id, releases_at=now() + timedelta(days=settings.lost_phone_days))
        tx.add(begun)
        agreed = select(Consent.language).where(Consent.person_id == person_id).order_by(Consent.id.desc()).limit(1)
        tongue = await tx.scalar(agreed) or language
        tx.add(PhoneNotice(phone=phone, template=CLAIMED, language=tongue, link=""))
        await tx.flush()
        record_on_commit(tx, NUMBER_CLAIMED, person_id=person_id)
    return None if begun.releases_at <= now() else begun.releases_at


async def forget_of_phone(tx: AsyncSession, phone: str) -> None:
    """End the claim that waits for a number with which its person has signed in."""
    if person_id := await registered(tx, phone):
        await forget(tx, person_id)


async def forget(tx: AsyncSession, person_id: UUID) -> None:
    """End the claim that waits: the person has signed in with the number, or has it no more. A refusal stays."""
    waiting = NumberClaim.person_id == person_id, NumberClaim.refused_at.is_(None)
    await tx.execute(delete(NumberClaim).where(*waiting))


def days_until(moment: datetime) -> int:
    """Begun days count whole."""
    return max(1, math.ceil((moment - now()) / timedelta(days=1)))


async def own(tx: AsyncSession, person_id: UUID) -> schemas.NumberClaim:
    """The claim on the caller's number.

    Raises:
        NotFound
    """
    found = await tx.get(NumberClaim, person_id)
    if found is None:
        raise NotFound
    return _shown(found)


async def refuse(tx: AsyncSession, person_id: UUID) -> schemas.NumberClaim:
    """Keep the number. Idempotent.

    Raises:
        NotFound
    """
    found = await tx.get(NumberClaim, person_id, with_for_update=True)
    if found is None:
        raise NotFound
    if found.refused_at is None:
        found.refused_at = now()
        await tx.flush()
        record_on_commit(tx, NUMBER_CLAIM_REFUSED, person_id=person_id)
    return _shown(found)


async def prune(tx: AsyncSession) -> None:
    """Delete claims that nobody has come back for, and refusals that hold nobody any more."""
    await tx.execute(delete(NumberClaim).where(NumberClaim.claimed_at < now() - 2 * REFUSED_FOR))


def _shown(found: NumberClaim) -> schemas.NumberClaim:
    return schemas.NumberClaim(claimed_at=found.claimed_at, releases_at=found.releases_at, refused_at=found.refused_at)
