"""Level 3: a face or a network identity certificate belongs to the person whom the population registry confirmed.

The app never says whose it must be: it is the name and number that the person has proved, or claims.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import AssuranceTooLow
from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.security_log import record_on_commit
from svc_identity.people.consents.activities import Activity
from svc_identity.people.identity_claims import service as claims
from svc_identity.people.identity_claims.models import ClaimStatus, IdentityClaim
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data, record_read
from svc_identity.people.persons.events import PersonVerificationEnded
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import known_person
from svc_identity.people.proofing.service import PROOF_FAILED, TooManyProofings
from svc_identity.verifications.models import Method, Reason, Verification, VerificationStatus
from svc_identity.verifications.provider import FaceSession, NetworkSession, Subject

TRIES_A_DAY = 5
"""Of one person, over both methods; what the outside system did not begin costs none. Tries of others never count."""
LIFE = timedelta(minutes=15)
_DAY = timedelta(days=1)
ACTIVITIES = {
    Method.FACE: Activity.FACE_VERIFICATION,
    Method.NETWORK_CERTIFICATE: Activity.NETWORK_CERTIFICATE,
}
"""What each method needs a consent to."""


class ClaimAtCounter(Problem):
    """A clerk has given a verdict on the claim; a supervisor decides it now."""

    status, code = 409, "claim_at_counter"


@dataclass(frozen=True)
class Question:
    """A verification that is under way, and whose face or certificate it is about."""

    verification_id: UUID
    method: Method
    session_id: str
    subject: Subject
    known_network: bytes | None
    """Of the network identity number that was found to be this person's before."""


async def begin(tx: AsyncSession, person_id: UUID, client_id: str, method: Method) -> tuple[UUID, Subject]:
    """Record that an outside system is about to be asked, and about whom.

    Raises:
        AssuranceTooLow, ClaimAtCounter, TooManyProofings
    """
    person = await known_person(tx, person_id, for_update=True)
    claim = await _claim_of(tx, person)
    await _admit(tx, person_id)
    row = Verification(
        person_id=person_id,
        method=method,
        client_id=client_id,
        claim_id=claim.id if claim else None,
        id_number_index=claim.id_number_index if claim else person.id_number_index,
        expires_at=now() + LIFE,
    )
    tx.add(row)
    await tx.flush()
    return row.id, await _subject(tx, person, claim)


async def _claim_of(tx: AsyncSession, person: Person) -> IdentityClaim | None:
    """The open claim of a person who has proved nothing; None for one who has."""
    if person.assurance_level >= PROOFED:
        return None
    claim = await claims.live_of(tx, person.id)
    if claim is None or not claim.is_live:
        raise AssuranceTooLow(required=PROOFED)
    if claim.status != ClaimStatus.OPEN:
        raise ClaimAtCounter(claim_number=claim.number)
    return claim


async def _admit(tx: AsyncSession, person_id: UUID) -> None:
    """Check that the locked person has a try left.

    Raises:
        TooManyProofings
    """
    cost_nothing = Verification.reason == Reason.UNAVAILABLE
    recent = (
        select(Verification.begun_at)
        .where(Verification.person_id == person_id, Verification.begun_at > now() - _DAY, cost_nothing.is_not(True))
        .order_by(Verification.begun_at.desc())
        .limit(TRIES_A_DAY)
    )
    tries: Sequence[datetime] = (await tx.scalars(recent)).all()
    if len(tries) >= TRIES_A_DAY:
        raise TooManyProofings(TRIES_A_DAY, tries[-1] + _DAY)


async def _subject(tx: AsyncSession, person: Person, claim: IdentityClaim | None) -> Subject:
    fields, reader = ["name", "id_number"], str(person.id)
    if claim is not None:
        await tx.refresh(claim, fields)
        record_read(tx, person.id, fields, reader=reader, purpose=Purpose.VERIFICATION)
        return Subject(name=claim.name or "", id_number=claim.id_number or "")
    clear = (await read_personal_data(tx, [person.id], fields, reader=reader, purpose=Purpose.VERIFICATION))[person.id]
    return Subject(name=clear.name or "", id_number=clear.id_number or "")


async def opened(tx: AsyncSession, verification_id: UUID, session: FaceSession | NetworkSession) -> Verification:
    """Keep the session that an outside system has opened."""
    row = await tx.get_one(Verification, verification_id, with_for_update=True)
    row.session_id = session.session_id
    await tx.flush()
    return row


async def not_opened(tx: AsyncSession, verification_id: UUID) -> None:
    """Close a verification that the outside system did not begin."""
    row = await tx.get_one(Verification, verification_id, with_for_update=True)
    row.move_to(VerificationStatus.FAILED, Reason.UNAVAILABLE)


async def question(tx: AsyncSession, person_id: UUID, verification_id: UUID) -> Question | Verification:
    """What to ask the outside system; the verification itself where it is over.

    Raises:
        NotFound: also for a verification of somebody else.
    """
    person = await known_person(tx, person_id, for_update=True)
    row = await own(tx, person_id, verification_id)
    if row.status != VerificationStatus.BEGUN:
        return row
    if row.expires_at <= now() or row.session_id is None:
        row.move_to(VerificationStatus.EXPIRED)
        return row
    claim = await claims.live_of(tx, person_id) if row.claim_id else None
    if not is_still_of(row, person, claim):
        fail(tx, row, Reason.IDENTITY_CHANGED)
        return row
    subject = await _subject(tx, person, claim)
    known = await _known_network(tx, row) if row.method == Method.NETWORK_CERTIFICATE else None
    return Question(row.id, Method(row.method), row.session_id, subject, known)


async def own(tx: AsyncSession, person_id: UUID, verification_id: UUID) -> Verification:
    """A verification of this person, locked after them.

    Raises:
        NotFound
    """
    row = await tx.get(Verification, verification_id, with_for_update=True, populate_existing=True)
    if row is None or row.person_id != person_id:
        raise NotFound
    return row


def is_still_of(row: Verification, person: Person, claim: IdentityClaim | None) -> bool:
    """Whether a verification is about the number that its person has proved, or claims, now."""
    if row.claim_id is None:
        return person.assurance_level >= PROOFED and person.id_number_index == row.id_number_index
    is_open = claim is not None and claim.is_live and claim.status == ClaimStatus.OPEN
    return is_open and person.assurance_level < PROOFED and claim is not None and claim.id == row.claim_id


async def _known_network(tx: AsyncSession, row: Verification) -> bytes | None:
    known: bytes | None = await tx.scalar(
        select(Verification.network_index).where(
            Verification.person_id == row.person_id,
            Verification.id_number_index == row.id_number_index,
            Verification.network_index.is_not(None),
            Verification.ended_at.is_(None),
        )
    )
    return known


def fail(tx: AsyncSession, row: Verification, reason: Reason) -> None:
    """Close a verification that proves nothing."""
    row.move_to(VerificationStatus.FAILED, reason)
    record_on_commit(tx, PROOF_FAILED, f"verification_{reason}", verification_id=row.id, person_id=row.person_id)


async def replace(tx: AsyncSession, person_id: UUID) -> None:
    """End the verification that gave a locked person level 3 before, which another one gives anew."""
    in_force = Verification.valid_until.is_not(None), Verification.ended_at.is_(None)
    for row in await tx.scalars(select(Verification).where(Verification.person_id == person_id, *in_force)):
        row.end()
    await tx.flush()


async def end(tx: AsyncSession, person: Person) -> None:
    """End level 3 of a locked person, if there is one, and announce it."""
    in_force = Verification.valid_until.is_not(None), Verification.ended_at.is_(None)
    rows = await tx.scalars(select(Verification).where(Verification.person_id == person.id, *in_force))
    ended = [*rows]
    for row in ended:
        row.end()
    person.end_verification()
    await tx.flush()
    if ended and person.closed_at is None:
        await emit(tx, PersonVerificationEnded(person_id=person.id, assurance_level=person.level))


async def end_method(tx: AsyncSession, person: Person, method: Method) -> None:
    """End level 3 of a locked person where this method gave it: the consent to it was withdrawn."""
    by_method = Verification.method == method, Verification.valid_until.is_not(None), Verification.ended_at.is_(None)
    if await tx.scalar(select(Verification.id).where(Verification.person_id == person.id, *by_method)):
        await end(tx, person)


async def forget(tx: AsyncSession, person_id: UUID) -> None:
    """Erase what verifications of a person who closes their account hold of them."""
    of_person = update(Verification).where(Verification.person_id == person_id)
    await tx.execute(of_person.values(id_number_index=None, network_index=None))
    lasting = of_person.where(Verification.valid_until.is_not(None), Verification.ended_at.is_(None))
    await tx.execute(lasting.values(ended_at=now()))


async def due(tx: AsyncSession) -> Sequence[UUID]:
    """The persons whose level 3 is over, by time, phone, suspension or proof, and has not been announced."""
    is_over = or_(
        Person.verified_until.is_(None),
        Person.verified_until != Verification.valid_until,
        Verification.valid_until <= now(),
    )
    in_force = Verification.valid_until.is_not(None), Verification.ended_at.is_(None)
    query = select(Person.id).join(Verification, Verification.person_id == Person.id).where(*in_force, is_over)
    return (await tx.scalars(query)).all()


async def expire(tx: AsyncSession) -> None:
    """Close the verifications that were not finished in time."""
    over = Verification.status == VerificationStatus.BEGUN, Verification.expires_at <= now()
    for row in await tx.scalars(select(Verification).where(*over).with_for_update(skip_locked=True)):
        row.move_to(VerificationStatus.EXPIRED)
