"""The end of a verification: level 3 for whoever has proved the number, or the number for whoever claims it."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.tokens import TokenInvalid
from kit.security_log import record_on_commit
from svc_identity.oauth.sign_ins.service import end_all
from svc_identity.organisations import operators
from svc_identity.organisations.claim_decisions.service import settle
from svc_identity.people.identity_claims import service as claims
from svc_identity.people.identity_claims.models import IdentityClaim
from svc_identity.people.persons.events import PersonProofed
from svc_identity.people.persons.models import VERIFIED, Person
from svc_identity.people.persons.service import known_person
from svc_identity.people.proofing.service import PROOF_PASSED
from svc_identity.people.suspensions.queries import is_suspended
from svc_identity.verifications import service
from svc_identity.verifications.models import Reason, Verification, VerificationStatus
from svc_identity.verifications.observation import Observed


async def conclude(
    tx: AsyncSession, person_id: UUID, verification_id: UUID, observed: Observed, life: timedelta
) -> Verification:
    """Apply what was observed. Idempotent: a verification that is over stays as it is.

    Raises:
        NotFound, TokenInvalid
    """
    about = await tx.get(Verification, verification_id)
    if about is not None and about.claim_id:
        await operators.lock_roles(tx)  # before the persons, as where a counter decides
    person = await known_person(tx, person_id, for_update=True)
    row = await service.own(tx, person_id, verification_id)
    if row.status != VerificationStatus.BEGUN:
        return row
    if await is_suspended(tx, person_id):
        raise TokenInvalid
    claim = await claims.live_of(tx, person_id) if row.claim_id else None
    if observed.status == VerificationStatus.EXPIRED:
        row.move_to(VerificationStatus.EXPIRED)
    elif observed.status == VerificationStatus.FAILED:
        service.fail(tx, row, observed.reason or Reason.OTHER_REQUEST)
    elif not service.is_still_of(row, person, claim):
        service.fail(tx, row, Reason.IDENTITY_CHANGED)
    else:
        await _pass(tx, row, person, claim, observed, life)
    await tx.flush()
    return row


async def _pass(
    tx: AsyncSession,
    row: Verification,
    person: Person,
    claim: IdentityClaim | None,
    observed: Observed,
    life: timedelta,
) -> None:
    row.move_to(VerificationStatus.PASSED)
    if claim is not None and not await settle(tx, claim, end_sign_ins=end_all):
        await tx.flush()
        return
    await service.replace(tx, person.id)
    until = now() + life
    person.verify_until(until)
    row.valid_until, row.network_index = until, observed.network_index
    await tx.flush()
    await emit(tx, PersonProofed(person_id=person.id, assurance_level=VERIFIED))
    record_on_commit(tx, PROOF_PASSED, f"verification_{row.method}", verification_id=row.id)
