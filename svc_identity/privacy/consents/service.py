"""Withdrawing a consent, which ends what needs it."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.problems import NotFound, Problem
from svc_identity.oauth.issuer import ACCESS_TOKEN_SECONDS
from svc_identity.oauth.sign_ins.service import end_all
from svc_identity.organisations.lost_identities.service import lose
from svc_identity.organisations.models import TWO_PERSON_ROLES, Membership
from svc_identity.organisations.operators import lock_roles
from svc_identity.people.consents.activities import RECORDS, Activity
from svc_identity.people.consents.models import Consent
from svc_identity.people.identity_claims import service as claims
from svc_identity.people.persons.models import PHONE_ONLY
from svc_identity.people.persons.service import known_person
from svc_identity.privacy.consents import schemas
from svc_identity.verifications import service as verifications

WITHIN_SECONDS = 5
"""So long another service may take an access token of an ended sign-in: decision 0106."""


class EndedByClosure(Problem):
    """Without this consent there is no account: closing it is the withdrawal."""

    status, code = 409, "ended_by_closure"


class RolesNeedProof(Problem):
    """The person holds `roles` that only people of a proofed identity hold."""

    status, code = 409, "roles_need_proof"


async def withdraw(tx: AsyncSession, person_id: UUID, consent_id: UUID) -> schemas.Withdrawal:
    """Withdraw a consent. Idempotent: what is withdrawn stays so.

    Raises:
        NotFound, EndedByClosure, RolesNeedProof
    """
    await lock_roles(tx)
    await known_person(tx, person_id, for_update=True)
    consent = await tx.get(Consent, consent_id, with_for_update=True)
    if consent is None or consent.person_id != person_id:
        raise NotFound
    if consent.activity == Activity.ACCOUNT:
        raise EndedByClosure
    if consent.withdrawn_at is None:
        if consent.activity == Activity.IDENTITY_PROOFING:
            await _require_no_roles(tx, person_id)
            await _withdraw_all(tx, person_id, Activity.IDENTITY_PROOFING)
            await _end_proofing(tx, person_id)
        else:
            await _withdraw_all(tx, person_id, Activity(consent.activity))
            await _end_verification(tx, person_id, Activity(consent.activity))
    within = WITHIN_SECONDS if consent.activity == Activity.IDENTITY_PROOFING else ACCESS_TOKEN_SECONDS
    stops = [*RECORDS[Activity(consent.activity)].stops]
    return schemas.Withdrawal(consent=show(consent), stops=stops, within_seconds=within)


async def _require_no_roles(tx: AsyncSession, person_id: UUID) -> None:
    held = select(Membership.role).where(
        Membership.person_id == person_id, Membership.ended_at.is_(None), Membership.role.in_(TWO_PERSON_ROLES)
    )
    if roles := sorted(set(await tx.scalars(held))):
        raise RolesNeedProof(roles=roles)


async def _withdraw_all(tx: AsyncSession, person_id: UUID, activity: Activity) -> None:
    """The consents of all versions end with the first that is withdrawn."""
    given = select(Consent).where(
        Consent.person_id == person_id, Consent.activity == activity, Consent.withdrawn_at.is_(None)
    )
    for each in await tx.scalars(given.with_for_update()):
        each.withdrawn_at = now()


async def _end_proofing(tx: AsyncSession, person_id: UUID) -> None:
    """Erase name and ID number."""
    await claims.close_live(tx, person_id)
    person = await known_person(tx, person_id)
    if person.assurance_level > PHONE_ONLY:
        await lose(tx, person, "consent_withdrawn", end_sign_ins=end_all)


async def _end_verification(tx: AsyncSession, person_id: UUID, activity: Activity) -> None:
    """Level 3 by this method ends; name and number stay, and so does level 2."""
    person = await known_person(tx, person_id)
    for method, needed in verifications.ACTIVITIES.items():
        if needed == activity:
            await verifications.end_method(tx, person, method)


def show(consent: Consent) -> schemas.Consent:
    return schemas.Consent(
        consent_id=consent.id,
        activity=consent.activity,
        version=consent.version,
        way=consent.way,
        client_id=consent.client_id,
        language=consent.language,
        given_at=consent.given_at,
        withdrawn_at=consent.withdrawn_at,
    )
