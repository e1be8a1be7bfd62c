"""Claims on ID numbers, decided at a counter: a clerk sees the document, a supervisor of the same counter confirms."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from chassis.problems import Problem, checked_move
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.security_log import record_on_commit
from svc_identity.organisations import operators
from svc_identity.organisations.claim_decisions.children import give_child, guardians_of, is_guardian_claim
from svc_identity.organisations.claim_decisions.schemas import ClaimReturn, ClaimReview
from svc_identity.organisations.lost_identities.service import EndSignIns, lose
from svc_identity.organisations.models import CounterRole, Membership
from svc_identity.organisations.role_changes.refusals import require_cooled_off
from svc_identity.people.identity_claims import service as claims
from svc_identity.people.identity_claims.events import IdentityClaimDecided
from svc_identity.people.identity_claims.models import TRANSITIONS, ClaimStatus, IdentityClaim, Verdict
from svc_identity.people.persons.events import PersonProofed
from svc_identity.people.persons.models import PROOFED, VERIFIED, Person

CLAIM_REVIEWED = SecurityEvent("identity_claim_reviewed")
CLAIM_RETURNED = SecurityEvent("identity_claim_returned")
CLAIM_DECIDED = SecurityEvent("identity_claim_decided")


class OwnIdentityClaim(Problem):
    """Claimant and holder decide nothing about their claim."""

    status, code = 403, "own_identity_claim"


class NotOfCounter(Problem):
    """The caller does not have this role at the counter concerned."""

    status, code = 403, "not_of_counter"


async def review(tx: AsyncSession, caller: Caller, number: str, new: ClaimReview) -> None:
    """Record what a clerk found; nothing changes until a supervisor confirms it.

    Raises:
        NotFound, IdentityClaimClosedBefore, OwnIdentityClaim, NotOfCounter, IllegalMove
    """
    claim = await _live(tx, caller, number)
    await held_since(tx, caller, new.organisation_id, CounterRole.CLERK)
    claim.move_to(ClaimStatus.REVIEWED)
    claim.verdict, claim.reason, claim.organisation_id = new.verdict, new.reason, new.organisation_id
    claim.reviewed_by, claim.reviewed_at = caller.id, now()
    await tx.flush()
    record_on_commit(tx, CLAIM_REVIEWED, new.verdict, claim_id=claim.id)


async def send_back(tx: AsyncSession, caller: Caller, number: str, why: ClaimReturn) -> None:
    """Send a claim back to the clerks: the verdict is not confirmed.

    Raises:
        NotFound, IdentityClaimClosedBefore, OwnIdentityClaim, NotOfCounter, SecondPersonNeeded, IllegalMove
    """
    claim, _ = await _as_supervisor(tx, caller, number, ClaimStatus.OPEN)
    claim.move_to(ClaimStatus.OPEN)
    claim.verdict = claim.reason = claim.organisation_id = claim.reviewed_by = claim.reviewed_at = None
    claim.return_reason, claim.returned_by = why.reason, caller.id
    await tx.flush()
    record_on_commit(tx, CLAIM_RETURNED, claim_id=claim.id)


async def confirm(
    tx: AsyncSession, caller: Caller, number: str, *, cooling_off: timedelta, end_sign_ins: EndSignIns
) -> None:
    """Confirm a clerk's verdict and carry it out; the caller must have been supervisor for `cooling_off`.

    Raises:
        NotFound, IdentityClaimClosedBefore, OwnIdentityClaim, NotOfCounter, SecondPersonNeeded, IllegalMove,
        RoleTooNew
    """
    await operators.lock_roles(tx)
    claim, since = await _as_supervisor(tx, caller, number, ClaimStatus.DECIDED)
    require_cooled_off(since, cooling_off)
    if claim.verdict == Verdict.UPHELD:
        is_guardian = await is_guardian_claim(tx, claim)
        await (give_child(tx, claim) if is_guardian else _move_number(tx, claim, end_sign_ins))
    claim.move_to(ClaimStatus.DECIDED)
    claim.decided_by, claim.decided_at = caller.id, now()
    await tx.flush()
    await emit(tx, IdentityClaimDecided.model_validate(IdentityClaimDecided.fields_of(claim)))
    record_on_commit(tx, CLAIM_DECIDED, claim.verdict or "", claim_id=claim.id)


async def _live(tx: AsyncSession, caller: Caller, number: str) -> IdentityClaim:
    claim = await claims.locked(tx, IdentityClaim.number == number)
    claims.require_live(claim)
    holder_id = await tx.scalar(select(Person.id).where(Person.id_number_index == claim.id_number_index))
    concerned = (claim.claimant_id, claim.holder_id, holder_id, *await guardians_of(tx, claim))
    require_second_person(caller.id, *concerned, refusal=OwnIdentityClaim)
    return claim


async def _as_supervisor(
    tx: AsyncSession, caller: Caller, number: str, wanted: ClaimStatus
) -> tuple[IdentityClaim, datetime]:
    """A reviewed claim of the counter that the caller supervises, and since when."""
    claim = await _live(tx, caller, number)
    checked_move(TRANSITIONS, ClaimStatus(claim.status), wanted)
    since = await held_since(tx, caller, claim.organisation_id, CounterRole.TILL_SUPERVISOR)
    require_second_person(caller.id, claim.reviewed_by)
    return claim, since


async def held_since(tx: AsyncSession, caller: Caller, organisation_id: UUID | None, role: CounterRole) -> datetime:
    """Since when the caller has a role at a counter: asked again, as a token is up to ten minutes old."""
    current = (Membership.person_id == caller.id, Membership.ended_at.is_(None), Membership.expires_at > now())
    at_counter = (Membership.organisation_id == organisation_id, Membership.role == role)
    since: datetime | None = await tx.scalar(select(Membership.created_at).where(*current, *at_counter))
    if since is None:
        raise NotOfCounter(role=role)
    return since


async def settle(tx: AsyncSession, claim: IdentityClaim, *, end_sign_ins: EndSignIns) -> bool:
    """Decide an open claim whose claimant has shown by face or certificate whose number it is; False: a counter does.

    The roles and the claimant are locked. The number of a holder at level 3, or with a role, moves at counters only.
    """
    holder = await _holder(tx, claim)
    if holder is not None:
        roles = select(Membership.id).where(Membership.person_id == holder.id, Membership.ended_at.is_(None))
        if holder.level >= VERIFIED or await tx.scalar(roles.limit(1)):
            return False
    await _move_number(tx, claim, end_sign_ins)
    claim.move_to(ClaimStatus.VERIFIED)
    await tx.flush()
    fields = IdentityClaimDecided.fields_of(claim) | {"verdict": Verdict.UPHELD, "decided_at": now()}
    await emit(tx, IdentityClaimDecided.model_validate(fields))
    record_on_commit(tx, CLAIM_DECIDED, "verified", claim_id=claim.id)
    return True


async def _holder(tx: AsyncSession, claim: IdentityClaim) -> Person | None:
    """Who has the number now, locked; None where they have given it up since the claim was opened."""
    having = select(Person).where(Person.id_number_index == claim.id_number_index).with_for_update()
    return (await tx.scalars(having.execution_options(populate_existing=True))).one_or_none()


async def _move_number(tx: AsyncSession, claim: IdentityClaim, end_sign_ins: EndSignIns) -> None:
    """Give the number to the claimant; who had it loses the identity, also where too few operators remain."""
    if holder := await _holder(tx, claim):
        await lose(tx, holder, "claim_upheld", end_sign_ins=end_sign_ins)
        claim.holder_id = holder.id
    claimant = await tx.get_one(Person, claim.claimant_id)
    await tx.refresh(claim, ["name", "id_number"])
    claimant.remember_proof(claim.name, claim.id_number, claim.id_number_index)
    await tx.flush()
    await emit(tx, PersonProofed(person_id=claimant.id, assurance_level=PROOFED))
