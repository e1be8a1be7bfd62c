"""Children: registered by a guardian, who acts for them until they are eighteen."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.problems import Problem
from chassis.telemetry import SecurityEvent
from svc_identity.people import ages
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.people.children.models import GuardianClaim, GuardianConsent
from svc_identity.people.children.schemas import NewChild, NewGuardian
from svc_identity.people.consents.service import ConsentRequired
from svc_identity.people.families import guardians
from svc_identity.people.families import service as families
from svc_identity.people.families.schemas import FamilyAccount
from svc_identity.people.identity_claims import service as claims
from svc_identity.people.persons.events import PersonProofed, PersonRegistered
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import id_number_index, known_person
from svc_identity.people.proofing import service as proofing
from svc_identity.people.proofing.models import Outcome
from svc_identity.vault.reindexing import settle

CHILD_CLAIMED = SecurityEvent("guardian_claim_opened")


class NotAMinor(Problem):
    """Who is eighteen has no guardian here."""

    status, code = 409, "not_a_minor"


class RegisteredByOther(Exception):  # noqa: N818 - becomes a claim, and then `ChildRegistered`
    """Somebody else has registered the child, or it has an account of its own."""


class ChildRegistered(Problem):
    """Whose child it is, is decided at a counter by `claim_number`; until then the caller learns nothing."""

    status, code, security = 409, "child_registered", CHILD_CLAIMED


async def begin(tx: AsyncSession, caller: Caller, new: NewChild, language: str) -> UUID:
    """Record the guardian's consent, and that the registry is about to be queried.

    Raises:
        NotAMinor, ConsentRequired, GuardianNotAdult, TooManyProofings
    """
    await known_person(tx, caller.id, for_update=True)
    if not ages.is_under(new.id_number, ages.ADULT):
        raise NotAMinor
    if new.consent_version != version_in_force():
        raise ConsentRequired(activity="child", version=version_in_force())
    await guardians.require_adult(tx, caller.id)
    index = id_number_index(new.id_number)
    about = {"version": new.consent_version, "language": language, "client_id": caller.client_id}
    await settle(tx, index)
    tx.add(GuardianConsent(guardian_id=caller.id, child_index=index, **about))
    return await proofing.begin_attempt(tx, caller.id, index)


async def register(tx: AsyncSession, guardian_id: UUID, new: NewChild, outcome: Outcome) -> FamilyAccount:
    """Register a child whom the registry has confirmed, with the caller as guardian.

    Raises:
        IdentityNotConfirmed, FamilyAccountExists, RegisteredByOther
    """
    if outcome is not Outcome.MATCH:
        raise proofing.IdentityNotConfirmed
    index = id_number_index(new.id_number)
    await proofing.lock_number(tx, index)
    child = await tx.scalar(select(Person).where(Person.id_number_index == index).with_for_update())
    if child is not None:
        if mine := await guardians.active_of(tx, child.id, guardian_id):
            raise families.FamilyAccountExists(family_account_id=str(mine.id))
        raise RegisteredByOther
    await settle(tx, index)
    child = Person()
    child.remember_proof(new.name, new.id_number, index)
    tx.add(child)
    await tx.flush()
    await emit(tx, PersonRegistered(person_id=child.id), PersonProofed(person_id=child.id, assurance_level=PROOFED))
    return await guardians.appoint(tx, guardian_id, child.id, new.name, ages.adult_from(new.id_number))


async def open_claim(tx: AsyncSession, guardian_id: UUID, new: NewChild) -> ChildRegistered:
    """Let a counter decide whose child it is; returns the refusal that names the claim."""
    claim = await claims.open_for(tx, guardian_id, new.name, new.id_number)
    if await tx.get(GuardianClaim, claim.id) is None:
        tx.add(GuardianClaim(id=claim.id))
    return ChildRegistered(claim_number=claim.number)


async def invite_guardian(tx: AsyncSession, guardian_id: UUID, child_id: UUID, new: NewGuardian) -> FamilyAccount:
    """Propose to another person to be a guardian of the child as well.

    Raises:
        NotFound: also where the child is not the caller's, so that nothing is disclosed.
        OwnHelper, FamilyAccountExists, TooManyHelpers
    """
    return await guardians.invite(tx, guardian_id, child_id, new.phone, new.name)
