"""Granting and removing roles: at once where the role allows it, else by a proposal that a second operator approves.

All of it runs under one lock, so that rules about several rows hold when requests race.
"""

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.security_log import record_on_commit
from svc_identity.organisations import operators
from svc_identity.organisations import service as organisations
from svc_identity.organisations.models import TWO_PERSON_ROLES, Membership, Organisation, Role
from svc_identity.organisations.reach import require_reach_of_organisation
from svc_identity.organisations.role_changes import events, memberships, refusals, schemas, terms
from svc_identity.organisations.role_changes.models import PROPOSAL_LIFE, Action, RoleChange, Status
from svc_identity.organisations.role_changes.second_operator import require_second_operator
from svc_identity.organisations.schemas import NewCounterStaff, NewMember
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import person_of_phone

ROLE_PROPOSED, ROLE_REJECTED = SecurityEvent("role_proposed"), SecurityEvent("role_rejected")
CARRIED_OUT = {
    Action.GRANT: SecurityEvent("role_granted"),
    Action.RENEWAL: SecurityEvent("role_renewed"),
    Action.REMOVAL: SecurityEvent("role_removed"),
    Action.EXPIRY: SecurityEvent("role_expired"),
}


async def begin(tx: AsyncSession, caller: Caller, roles: Sequence[str] = (Role.OPERATOR,)) -> None:
    """Lock the roles and check that the caller still is an operator, or holds one of other roles.

    Raises:
        NoLongerOperator
    """
    await operators.lock_roles(tx)
    await operators.require_operator(tx, caller, roles)


async def grant_at_once(
    tx: AsyncSession, caller: Caller, organisation_id: UUID, new: NewMember | NewCounterStaff
) -> Membership:
    """Grant a role that needs no second person; a new phone is registered.

    Raises:
        NotFound, NotYourDivision, RoleDoesNotFit, RoleNeedsTwoPersons, AlreadyMember, NoLongerOperator
    """
    await begin(tx, caller)
    organisation = await organisations.known(tx, organisation_id)
    await require_reach_of_organisation(tx, caller, organisation_id)
    organisations.check_role_fits(organisation, new.role)
    if new.role in TWO_PERSON_ROLES:
        raise refusals.RoleNeedsTwoPersons(role=new.role)
    person = await person_of_phone(tx, new.phone)
    change = RoleChange(
        action=Action.GRANT,
        organisation_id=organisation_id,
        person_id=person.id,
        role=new.role,
        until=new.until,
        reason="member added",
        proposed_by=caller.id,
    )
    await _carry_out(tx, change)
    return await tx.get_one(Membership, change.membership_id)


async def remove_at_once(tx: AsyncSession, caller: Caller, organisation_id: UUID, membership_id: UUID) -> None:
    """Remove a role that needs no second person.

    Raises:
        NotFound, NotYourDivision, RoleNeedsTwoPersons, NoLongerOperator
    """
    await begin(tx, caller)
    membership = await organisations.current_membership(tx, organisation_id, membership_id)
    await require_reach_of_organisation(tx, caller, organisation_id)
    if membership.role in TWO_PERSON_ROLES:
        raise refusals.RoleNeedsTwoPersons(role=membership.role)
    await _carry_out(tx, _change_of(membership, Action.REMOVAL, "member removed", caller.id))


async def appoint_operator(tx: AsyncSession, organisation: Organisation, person: Person, reason: str) -> bool:
    """Make a person operator by a command on the server; false when they are one already."""
    if await organisations.has_role(tx, organisation.id, person.id, Role.OPERATOR):
        return False
    change = RoleChange(
        action=Action.GRANT,
        organisation_id=organisation.id,
        person_id=person.id,
        role=Role.OPERATOR,
        reason=reason,
        proposed_by=None,
    )
    await _carry_out(tx, change)
    return True


async def propose(tx: AsyncSession, caller: Caller, new: schemas.NewRoleChange) -> RoleChange:
    """Propose to grant, renew or remove a role. A renewal that needs no second person is carried out at once.

    Raises:
        NotFound, NotYourDivision, RoleDoesNotFit, AlreadyMember, AlreadyProposed, NoLongerOperator
    """
    await begin(tx, caller)
    await expire(tx)
    await organisations.known(tx, new.organisation_id)
    await require_reach_of_organisation(tx, caller, new.organisation_id)
    change = await _wanted(tx, caller, new)
    if change.action == Action.RENEWAL and change.role not in TWO_PERSON_ROLES:
        await _carry_out(tx, change)
        return change
    same = (
        RoleChange.organisation_id == change.organisation_id,
        RoleChange.person_id == change.person_id,
        RoleChange.role == change.role,
        RoleChange.action == change.action,
    )
    if await tx.scalar(select(RoleChange.id).where(*same, RoleChange.status == Status.PROPOSED)):
        raise refusals.AlreadyProposed
    tx.add(change)
    await tx.flush()
    await emit(tx, events.RoleChangeProposed.model_validate(await events.fields_of(tx, change)))
    _record(tx, ROLE_PROPOSED, change, change.action)
    return change


async def approve(tx: AsyncSession, caller: Caller, role_change_id: UUID, *, cooling_off: timedelta) -> RoleChange:
    """Approve a proposal, which carries it out; the caller must have been operator for `cooling_off`.

    Both operators reach the division now, each by the membership that counts for time and grant chain.

    Raises:
        NotFound, NoLongerOperator, NotYourDivision, SecondPersonNeeded, NotIndependent, RoleTooNew, OwnRole,
        OwnRoleChange, AlreadyDecided, ProposalExpired, ProposerNoLongerOperator, PersonNotProofed, AlreadyMember,
        MembershipEnded, LastOperators, NoIndependentOperators
    """
    change = await _open(tx, caller, role_change_id)
    reaching = await require_reach_of_organisation(tx, caller, change.organisation_id)
    require_second_person(caller.id, change.proposed_by)
    if change.action == Action.GRANT:
        require_second_person(caller.id, change.person_id, refusal=refusals.OwnRole)
    require_second_person(caller.id, change.person_id, refusal=refusals.OwnRoleChange)
    await require_second_operator(
        tx,
        caller.id,
        change.proposed_by,
        cooling_off=cooling_off,
        reaching=reaching,
        proposed_at=change.proposed_at,
    )
    change.decided_by = caller.id
    await _carry_out(tx, change)
    return change


async def reject(tx: AsyncSession, caller: Caller, role_change_id: UUID) -> RoleChange:
    """Reject a proposal, or withdraw one's own.

    Raises:
        NotFound, NoLongerOperator, NotYourDivision, OwnRoleChange, AlreadyDecided, ProposalExpired
    """
    change = await _open(tx, caller, role_change_id)
    if caller.id != change.proposed_by:
        await require_reach_of_organisation(tx, caller, change.organisation_id)
        require_second_person(caller.id, change.person_id, refusal=refusals.OwnRoleChange)
    change.move_to(Status.WITHDRAWN if caller.id == change.proposed_by else Status.REJECTED)
    change.decided_by, change.decided_at = caller.id, now()
    await tx.flush()
    await emit(tx, events.RoleChangeRejected.model_validate(await events.fields_of(tx, change)))
    _record(tx, ROLE_REJECTED, change, change.status)
    return change


async def expire(tx: AsyncSession) -> None:
    """Close the proposals that nobody decided in time."""
    due = (RoleChange.status == Status.PROPOSED, RoleChange.proposed_at < now() - PROPOSAL_LIFE)
    await tx.execute(update(RoleChange).where(*due).values(status=Status.EXPIRED))


async def end_expired(tx: AsyncSession) -> None:
    """End the roles whose time is over, but for operators without whom nothing could be approved any more."""
    await operators.lock_roles(tx)
    for membership in await terms.due(tx):
        change = _change_of(membership, Action.EXPIRY, "not renewed", None)
        with contextlib.suppress(refusals.LastOperators, refusals.NoIndependentOperators):
            async with tx.begin_nested():
                await _carry_out(tx, change)


async def end_all_of(tx: AsyncSession, person_id: UUID) -> None:
    """End the roles of a person, also the last operators', and what is proposed for them; roles are locked."""
    waiting = update(RoleChange).where(RoleChange.person_id == person_id, RoleChange.status == Status.PROPOSED)
    await tx.execute(waiting.values(status=Status.EXPIRED))
    held = Membership.person_id == person_id, Membership.ended_at.is_(None)
    for membership in (await tx.scalars(select(Membership).where(*held).order_by(Membership.id))).all():
        await _carry_out(tx, _change_of(membership, Action.REMOVAL, "identity lost", None))


async def _wanted(tx: AsyncSession, caller: Caller, new: schemas.NewRoleChange) -> RoleChange:
    match new:
        case schemas.NewGrant():
            return await _grant(tx, caller, new)
        case schemas.NewRenewal():
            return await _renewal(tx, caller, new)
        case schemas.NewRemoval():
            return await _removal(tx, caller, new)


async def _grant(tx: AsyncSession, caller: Caller, new: schemas.NewGrant) -> RoleChange:
    organisations.check_role_fits(await organisations.known(tx, new.organisation_id), new.role)
    person = await person_of_phone(tx, new.phone)
    if await organisations.has_role(tx, new.organisation_id, person.id, new.role):
        raise organisations.AlreadyMember(role=new.role)
    return RoleChange(
        action=Action.GRANT,
        organisation_id=new.organisation_id,
        person_id=person.id,
        role=new.role,
        until=new.until,
        reason=new.reason,
        proposed_by=caller.id,
    )


async def _renewal(tx: AsyncSession, caller: Caller, new: schemas.NewRenewal) -> RoleChange:
    membership = await organisations.current_membership(tx, new.organisation_id, new.membership_id)
    change = _change_of(membership, Action.RENEWAL, new.reason, caller.id)
    change.until = new.until
    return change


async def _removal(tx: AsyncSession, caller: Caller, new: schemas.NewRemoval) -> RoleChange:
    membership = await organisations.current_membership(tx, new.organisation_id, new.membership_id)
    return _change_of(membership, Action.REMOVAL, new.reason, caller.id)


def _change_of(membership: Membership, action: Action, reason: str, proposed_by: UUID | None) -> RoleChange:
    return RoleChange(
        action=action,
        organisation_id=membership.organisation_id,
        person_id=membership.person_id,
        role=membership.role,
        membership_id=membership.id,
        reason=reason,
        proposed_by=proposed_by,
    )


async def _open(tx: AsyncSession, caller: Caller, role_change_id: UUID) -> RoleChange:
    await begin(tx, caller)
    change = await tx.get(RoleChange, role_change_id)
    if change is None:
        raise NotFound
    if change.status == Status.EXPIRED or (change.status == Status.PROPOSED and change.expires_at < now()):
        raise refusals.ProposalExpired
    if change.status != Status.PROPOSED:
        raise refusals.AlreadyDecided(decision=change.status)
    return change


async def _carry_out(tx: AsyncSession, change: RoleChange) -> None:
    match change.action:
        case Action.GRANT:
            await memberships.start(tx, change)
        case Action.RENEWAL:
            await memberships.renew(tx, change)
        case Action.REMOVAL | Action.EXPIRY:
            await memberships.end(tx, change)
    change.status = change.status or Status.PROPOSED
    change.move_to(Status.APPROVED)
    change.decided_at = now()
    tx.add(change)
    await tx.flush()
    await emit(tx, events.RoleChangeApproved.model_validate(await events.fields_of(tx, change)))
    _record(tx, CARRIED_OUT[Action(change.action)], change, _how(change))


def _how(change: RoleChange) -> str:
    if change.action == Action.EXPIRY or change.by_lost_identity:
        return "by_lost_identity" if change.by_lost_identity else "by_time"
    return "by_people" if change.proposed_by else "by_command"


def _record(tx: AsyncSession, event: SecurityEvent, change: RoleChange, reason: str) -> None:
    # Not the reason that an operator wrote: it may name people.
    names = ("role", "organisation_id", "person_id", "proposed_by", "decided_by")
    about = {name: getattr(change, name) for name in names}
    record_on_commit(tx, event, reason, role_change_id=change.id, **about)
