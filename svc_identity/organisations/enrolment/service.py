"""Second factors of staff: an operator lets somebody set up their first one, two operators reset lost ones."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.security_log import record_on_commit
from svc_identity.organisations.enrolment import refusals, schemas
from svc_identity.organisations.enrolment.events import (
    FactorResetApproved,
    FactorResetProposed,
    FactorResetRejected,
    event_of,
)
from svc_identity.organisations.enrolment.models import PROPOSAL_LIFE, FactorReset, ResetStatus
from svc_identity.organisations.reach import require_reach_of_roles
from svc_identity.organisations.role_changes.refusals import (
    AlreadyDecided,
    AlreadyProposed,
    ProposalExpired,
)
from svc_identity.organisations.role_changes.second_operator import require_second_operator
from svc_identity.organisations.role_changes.service import begin
from svc_identity.people.factors import codes, service
from svc_identity.people.factors.models import ENROLMENT_LIFE
from svc_identity.people.persons.service import person_of_phone, registered

RESET_PROPOSED, RESET_REJECTED = SecurityEvent("factor_reset_proposed"), SecurityEvent("factor_reset_rejected")
RESET_APPROVED = SecurityEvent("factor_reset_approved")


async def issue_code(tx: AsyncSession, caller: Caller, new: schemas.NewEnrolmentCode) -> schemas.EnrolmentCode:
    """Issue an enrolment code for the person of a phone, who is registered when new.

    Raises:
        NoLongerOperator, NotYourDivision, SecondPersonNeeded, SecondFactorExists
    """
    await begin(tx, caller)
    person = await person_of_phone(tx, new.phone)
    require_second_person(caller.id, person.id)
    await require_reach_of_roles(tx, caller, person.id)
    if await service.factors_of(tx, person.id, vouched=True):
        raise refusals.SecondFactorExists
    code = await codes.issue_enrolment_code(tx, person.id, new.reason, caller.id)
    return schemas.EnrolmentCode(person_id=person.id, enrolment_code=code, expires_at=now() + ENROLMENT_LIFE)


async def propose(tx: AsyncSession, caller: Caller, new: schemas.NewFactorReset) -> schemas.FactorReset:
    """Propose to reset the factors of the person of a phone.

    Raises:
        NotFound, NoLongerOperator, NotYourDivision, SecondPersonNeeded, NoSecondFactor, AlreadyProposed
    """
    await begin(tx, caller)
    person_id = await registered(tx, new.phone)
    if person_id is None:
        raise NotFound
    require_second_person(caller.id, person_id)
    await require_reach_of_roles(tx, caller, person_id)
    if not await service.factors_of(tx, person_id):
        raise refusals.NoSecondFactor
    waiting = select(FactorReset.id).where(
        FactorReset.person_id == person_id, FactorReset.status == ResetStatus.PROPOSED
    )
    if await tx.scalar(waiting):
        raise AlreadyProposed
    reset = FactorReset(person_id=person_id, reason=new.reason, proposed_by=caller.id)
    tx.add(reset)
    await tx.flush()
    await emit(tx, event_of(FactorResetProposed, reset))
    _record(tx, RESET_PROPOSED, reset)
    return shown(reset)


async def approve(
    tx: AsyncSession, caller: Caller, factor_reset_id: UUID, *, cooling_off: timedelta
) -> schemas.ApprovedFactorReset:
    """Remove all factors of the person, and issue a code for a new one.

    Raises:
        NotFound, NoLongerOperator, NotYourDivision, SecondPersonNeeded, NotIndependent, RoleTooNew, AlreadyDecided,
        ProposalExpired, ProposerNoLongerOperator
    """
    reset = await _open(tx, caller, factor_reset_id)
    require_second_person(caller.id, reset.proposed_by, reset.person_id)
    # Both reach the roles of now: the person may have got one since the proposal.
    reaching = await require_reach_of_roles(tx, caller, reset.person_id)
    if reset.proposed_at < now() - PROPOSAL_LIFE:
        raise ProposalExpired
    await require_second_operator(
        tx, caller.id, reset.proposed_by, cooling_off=cooling_off, reaching=reaching, proposed_at=reset.proposed_at
    )
    for factor in await service.factors_of(tx, reset.person_id):
        await service.remove(tx, factor, "reset")
    _decide(reset, caller, ResetStatus.APPROVED)
    await emit(tx, event_of(FactorResetApproved, reset))
    code = await codes.issue_enrolment_code(tx, reset.person_id, reset.reason, caller.id)
    _record(tx, RESET_APPROVED, reset)
    return schemas.ApprovedFactorReset(**shown(reset).model_dump(), enrolment_code=code)


async def reject(tx: AsyncSession, caller: Caller, factor_reset_id: UUID) -> schemas.FactorReset:
    """Reject a proposal, or withdraw one's own.

    Raises:
        NotFound, NoLongerOperator, NotYourDivision, SecondPersonNeeded, AlreadyDecided
    """
    reset = await _open(tx, caller, factor_reset_id)
    require_second_person(caller.id, reset.person_id)
    if caller.id != reset.proposed_by:
        await require_reach_of_roles(tx, caller, reset.person_id)
    _decide(reset, caller, ResetStatus.REJECTED)
    await emit(tx, event_of(FactorResetRejected, reset))
    _record(tx, RESET_REJECTED, reset)
    return shown(reset)


def shown(reset: FactorReset) -> schemas.FactorReset:
    """A reset as operators and auditors see it."""
    same = ("person_id", "status", "reason", "proposed_by", "proposed_at", "decided_by", "decided_at")
    values = {name: getattr(reset, name) for name in same}
    return schemas.FactorReset(factor_reset_id=reset.id, expires_at=reset.proposed_at + PROPOSAL_LIFE, **values)


async def _open(tx: AsyncSession, caller: Caller, factor_reset_id: UUID) -> FactorReset:
    await begin(tx, caller)
    reset = await tx.get(FactorReset, factor_reset_id)
    if reset is None:
        raise NotFound
    if reset.status != ResetStatus.PROPOSED:
        raise AlreadyDecided(decision=reset.status)
    return reset


def _decide(reset: FactorReset, caller: Caller, decision: ResetStatus) -> None:
    reset.move_to(decision)
    reset.decided_by, reset.decided_at = caller.id, now()


def _record(tx: AsyncSession, event: SecurityEvent, reset: FactorReset) -> None:
    about = {name: getattr(reset, name) for name in ("person_id", "proposed_by", "decided_by")}
    record_on_commit(tx, event, factor_reset_id=reset.id, **about)
