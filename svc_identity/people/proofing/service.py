"""Identity proofing: name and ID number against the population registry, for assurance level 2."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.problems import Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.people.identity_claims import service as claims
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons import schemas as persons
from svc_identity.people.persons.events import PersonProofed, PersonRenamed
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import id_number_index, known_person, own_profile
from svc_identity.people.proofing.models import Outcome, ProofingAttempt
from svc_identity.people.proofing.schemas import Proof
from svc_identity.vault.blind_indexes import Index, lock_of
from svc_identity.vault.reindexing import settle

ATTEMPTS_A_DAY = 5
ATTEMPTS_ON_A_CONTESTED_NUMBER = 2
"""A first try and the correction of a typing error: what an account has where strangers try names on a number."""
WRONG_BY_OTHERS = 5
"""From so many tries of other accounts within a day on, a number is contested."""
PROOF_PASSED, PROOF_FAILED = SecurityEvent("proof_passed"), SecurityEvent("proof_failed")
PERSON_RENAMED = SecurityEvent("person_renamed")
_DAY = timedelta(days=1)
_FORGOTTEN_AT_ONCE = 5_000


class AlreadyProofed(Problem):
    """The person has proved another ID number before."""

    status, code, security = 409, "already_proofed", PROOF_FAILED


class NumberProvedByOther(Exception):  # noqa: N818 - becomes a claim, and then `IdNumberTaken`
    """Another person has proved this ID number."""


class GuardianNeeded(Problem):
    """Who is under fourteen cannot agree themselves (PIPL 31): a guardian registers them."""

    status, code = 403, "guardian_needed"


class IdNumberTaken(Problem):
    """Another person has proved this ID number; `claim_number` is the claim that decides whose it is."""

    status, code, security = 409, "id_number_taken", PROOF_FAILED


class IdentityNotConfirmed(Problem):
    """One refusal for a wrong name and an unknown number, so that neither is disclosed."""

    status, code, security = 422, "identity_not_confirmed", PROOF_FAILED


class TooManyProofings(Problem):
    status, code = 429, "too_many_proofings"

    def __init__(self, attempts_a_day: int, free_at: datetime) -> None:
        super().__init__(attempts_a_day=attempts_a_day)
        wait = (free_at - now()).total_seconds()
        self.headers = {"Retry-After": str(max(1, math.ceil(wait)))}


async def begin(tx: AsyncSession, person_id: UUID, proof: Proof) -> UUID | None:
    """Record that the registry is about to be queried; None when this person has proved this name and number before.

    Raises:
        AlreadyProofed, TooManyProofings, IdNumberTaken: by a claim on this number that waits for its decision.
    """
    person = await known_person(tx, person_id, for_update=True)
    index = id_number_index(proof.id_number)
    if person.assurance_level >= PROOFED:
        if person.id_number_index != index:
            raise AlreadyProofed
        if await _is_named(tx, person, proof.name):
            return None
    elif claim := await claims.live_on(tx, person_id, index):
        raise IdNumberTaken(claim_number=claim.number)
    return await begin_attempt(tx, person_id, index)


async def begin_attempt(tx: AsyncSession, person_id: UUID, index: bytes, *, a_day: int = ATTEMPTS_A_DAY) -> UUID:
    """Record that a person is about to have a number checked: their own, a child's, or at a counter somebody's.

    Args:
        tx: the transaction, which holds the number until it ends.
        person_id: who asks.
        index: of the number.
        a_day: how many tries, on whatever numbers, the person has in a day.

    Raises:
        TooManyProofings
    """
    # One at a time for one number, or all of them at once would find the attempts of the others not yet there.
    await lock_number(tx, index)
    await _admit(tx, person_id, index, a_day)
    attempt = ProofingAttempt(person_id=person_id, id_number_index=index)
    tx.add(attempt)
    await tx.flush()
    return attempt.id


async def lock_number(tx: AsyncSession, index: bytes) -> None:
    await tx.execute(select(func.pg_advisory_xact_lock(lock_of(index))))


async def _admit(tx: AsyncSession, person_id: UUID, index: bytes, a_day: int) -> None:
    """Check that an account has a try left on a number. Tries of others take none of its first two; see decision 0090.

    Raises:
        TooManyProofings
    """
    of_person = ProofingAttempt.person_id == person_id
    queried = ProofingAttempt.outcome != Outcome.UNAVAILABLE
    own = await _latest(tx, a_day, of_person, queried)
    if len(own) >= a_day:
        raise TooManyProofings(a_day, own[-1] + _DAY)
    on_number = ProofingAttempt.id_number_index == index
    wrong = ProofingAttempt.outcome.in_((Outcome.PENDING, Outcome.NO_MATCH, Outcome.NO_RECORD))
    own_here = await _latest(tx, ATTEMPTS_ON_A_CONTESTED_NUMBER, of_person, on_number, queried)
    of_others = await _latest(tx, WRONG_BY_OTHERS, ~of_person, on_number, wrong)
    if len(own_here) >= ATTEMPTS_ON_A_CONTESTED_NUMBER and len(of_others) >= WRONG_BY_OTHERS:
        raise TooManyProofings(ATTEMPTS_ON_A_CONTESTED_NUMBER, min(own_here[-1], of_others[-1]) + _DAY)


async def forget_numbers(tx: AsyncSession) -> None:
    """Erase the hashes of ID numbers that no limit counts any longer, so many at once."""
    due = ProofingAttempt.id_number_index != b"", ProofingAttempt.started_at <= now() - _DAY
    some = select(ProofingAttempt.id).where(*due).order_by(ProofingAttempt.started_at).limit(_FORGOTTEN_AT_ONCE)
    attempts = update(ProofingAttempt).where(ProofingAttempt.id.in_(some.with_for_update(skip_locked=True)))
    await tx.execute(attempts.values(id_number_index=b""))


async def _latest(tx: AsyncSession, most: int, *which: ColumnElement[bool]) -> Sequence[datetime]:
    """When the latest of these attempts within a day began, latest first."""
    started = ProofingAttempt.started_at
    recent = select(started).where(*which, started > now() - _DAY).order_by(started.desc()).limit(most)
    return (await tx.scalars(recent)).all()


async def record_outcome(tx: AsyncSession, attempt_id: UUID, outcome: Outcome) -> None:
    """Record the registry's answer, even if the request fails later."""
    await tx.execute(update(ProofingAttempt).where(ProofingAttempt.id == attempt_id).values(outcome=outcome))


async def raise_assurance(tx: AsyncSession, person_id: UUID, proof: Proof, outcome: Outcome) -> persons.Me:
    """Raise the person to level 2, or change their name, if the registry confirmed them.

    Raises:
        IdentityNotConfirmed, NumberProvedByOther, AlreadyProofed
    """
    if outcome is not Outcome.MATCH:
        raise IdentityNotConfirmed
    person = await known_person(tx, person_id, for_update=True)
    index = id_number_index(proof.id_number)
    if person.assurance_level < PROOFED:
        await _set_identity(tx, person, proof, index)
    elif person.id_number_index != index:
        raise AlreadyProofed
    elif not await _is_named(tx, person, proof.name):
        await _rename(tx, person, proof.name)
    return await own_profile(tx, person_id)


async def _is_named(tx: AsyncSession, person: Person, name: str) -> bool:
    own = await read_personal_data(tx, [person.id], ["name"], reader=str(person.id), purpose=Purpose.OWN_PROFILE)
    return own[person.id].name == name


async def _rename(tx: AsyncSession, person: Person, name: str) -> None:
    """Take over the name that the registry has under the number now."""
    person.name = name
    person.proofed_at = now()
    await tx.flush()
    await emit(tx, PersonRenamed(person_id=person.id))
    record_on_commit(tx, PERSON_RENAMED, person_id=person.id)


async def _set_identity(tx: AsyncSession, person: Person, proof: Proof, index: Index) -> None:
    await settle(tx, index)
    person.remember_proof(proof.name, proof.id_number, index)
    try:
        await tx.flush()
    except IntegrityError as error:
        if "uq_persons_id_number_index" not in str(error.orig):
            raise
        raise NumberProvedByOther from None
    await claims.close_live(tx, person.id)
    await emit(tx, PersonProofed(person_id=person.id, assurance_level=PROOFED))
    record_on_commit(tx, PROOF_PASSED)
