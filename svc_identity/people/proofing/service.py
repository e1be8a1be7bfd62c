"""Identity proofing: name and ID number against the population registry, for assurance level 2."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.problems import Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.people.persons import schemas as persons
from svc_identity.people.persons.events import PersonProofed
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import known_person, own_profile
from svc_identity.people.proofing.models import Outcome, ProofingAttempt
from svc_identity.people.proofing.schemas import Proof
from svc_identity.vault.encryption import blind_index, lock_of

ATTEMPTS_A_DAY = 5
PROOF_PASSED, PROOF_FAILED = SecurityEvent("proof_passed"), SecurityEvent("proof_failed")
_DAY = timedelta(days=1)


class AlreadyProofed(Problem):
    """The person has proved another ID number before."""

    status, code, security = 409, "already_proofed", PROOF_FAILED


class IdNumberTaken(Problem):
    status, code, security = 409, "id_number_taken", PROOF_FAILED


class IdentityNotConfirmed(Problem):
    """One refusal for a wrong name and an unknown number, so that neither is disclosed."""

    status, code, security = 422, "identity_not_confirmed", PROOF_FAILED


class TooManyProofings(Problem):
    status, code = 429, "too_many_proofings"
    headers: Mapping[str, str] = {"Retry-After": str(int(_DAY.total_seconds()))}


async def begin(tx: AsyncSession, person_id: UUID, proof: Proof) -> UUID | None:
    """Record that the registry is about to be queried; None when this person has proved exactly this number before.

    Raises:
        AlreadyProofed, TooManyProofings
    """
    person = await known_person(tx, person_id, for_update=True)
    index = blind_index("persons.id_number", proof.id_number)
    if person.assurance_level >= PROOFED:
        if person.id_number_index != index:
            raise AlreadyProofed
        return None
    # Counted by ID number too: else many accounts could try names on one number. One at a time, or all of them at once
    # would find the attempts of the others not yet there.
    await tx.execute(select(func.pg_advisory_xact_lock(lock_of(index))))
    for counted in (ProofingAttempt.person_id == person_id, ProofingAttempt.id_number_index == index):
        recent = select(func.count()).where(
            counted,
            ProofingAttempt.started_at > now() - _DAY,
            ProofingAttempt.outcome != Outcome.UNAVAILABLE,
        )
        if (await tx.scalar(recent) or 0) >= ATTEMPTS_A_DAY:
            raise TooManyProofings(attempts_a_day=ATTEMPTS_A_DAY)
    attempt = ProofingAttempt(person_id=person_id, id_number_index=index)
    tx.add(attempt)
    await tx.flush()
    return attempt.id


async def record_outcome(tx: AsyncSession, attempt_id: UUID, outcome: Outcome) -> None:
    """Record the registry's answer, even if the request fails later."""
    await tx.execute(update(ProofingAttempt).where(ProofingAttempt.id == attempt_id).values(outcome=outcome))


async def raise_assurance(tx: AsyncSession, person_id: UUID, proof: Proof, outcome: Outcome) -> persons.Me:
    """Raise the person to level 2 if the registry confirmed them.

    Raises:
        IdentityNotConfirmed, IdNumberTaken, AlreadyProofed
    """
    if outcome is not Outcome.MATCH:
        raise IdentityNotConfirmed
    person = await known_person(tx, person_id, for_update=True)
    index = blind_index("persons.id_number", proof.id_number)
    if person.assurance_level < PROOFED:
        await _set_identity(tx, person, proof, index)
    elif person.id_number_index != index:
        raise AlreadyProofed
    return await own_profile(tx, person_id)


async def _set_identity(tx: AsyncSession, person: Person, proof: Proof, index: bytes) -> None:
    person.name = proof.name
    person.id_number = proof.id_number
    person.id_number_index = index
    person.assurance_level = PROOFED
    person.proofed_at = now()
    try:
        await tx.flush()
    except IntegrityError as error:
        if "uq_persons_id_number_index" not in str(error.orig):
            raise
        raise IdNumberTaken from None
    await emit(tx, PersonProofed(person_id=person.id, assurance_level=PROOFED))
    record_on_commit(tx, PROOF_PASSED)
