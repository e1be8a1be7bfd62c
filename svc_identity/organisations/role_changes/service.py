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
from svc_identity.organisations.companies import service as companies
from svc_identity.organisations.models import COMPANY_ROLES, TWO_PERSON_ROLES, AnyRole, Membership, Role
from svc_identity.organisations.role_changes import company_roles, events, memberships, refusals, schemas, terms
from svc_identity.organisations.role_changes.models import PROPOSAL_LIFE, Action, RoleChange, Status
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


async def propose(tx: AsyncSession, caller: Caller, new: schemas.NewRoleChange) -> RoleChange:
    """Propose to grant, renew or remove a role. A renewal that needs no second person is carried out at once.

    Raises:
        NotFound, NotYourDivision, RoleDoesNotFit, AlreadyMember, AlreadyProposed, NoLongerOperator
    """
    await operators.lock_roles(tx)
    await expire(tx)
    capacity = await company_roles.capacity_of(tx, caller, new.organisation_id)
    change = await _wanted(tx, caller, new)
    company_roles.require_own_kind(capacity, change.role)
    if change.action == Action.RENEWAL and change.role not in TWO_PERSON_ROLES:
        await carry_out(tx, change)
        return change
    return await file(tx, change)


async def file(tx: AsyncSession, change: RoleChange) -> RoleChange:
    """File a proposal that its proposer may make; roles are locked.

    Raises:
        AlreadyProposed
    """
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
    """Approve a proposal, which carries it out; the caller must have held their role for `cooling_off`.

    Both operators reach the division now, each by the membership that counts for time and grant chain.

    Raises:
        NotFound, NoLongerOperator, NotYourDivision, SecondPersonNeeded, NotIndependent, RoleTooNew, OwnRole,
        OwnRoleChange, AlreadyDecided, ProposalExpired, ProposerNoLongerOperator, PersonNotProofed, AlreadyMember,
        MembershipEnded, LastOperators, NoIndependentOperators, OperatorNeeded, ProposerWithoutRole
    """
    change = await _open(tx, role_change_id)
    capacity = await company_roles.capacity_of(tx, caller, change.organisation_id)
    await company_roles.require_may_decide(tx, capacity, change)
    require_second_person(caller.id, change.proposed_by)
    if change.action == Action.GRANT:
        require_second_person(caller.id, change.person_id, refusal=refusals.OwnRole)
    require_second_person(caller.id, change.person_id, refusal=refusals.OwnRoleChange)
    await company_roles.require_second(tx, caller, capacity, change, cooling_off=cooling_off)
    change.decided_by = caller.id
    await carry_out(tx, change)
    return change


async def reject(tx: AsyncSession, caller: Caller, role_change_id: UUID) -> RoleChange:
    """Reject a proposal, or withdraw one's own.

    Raises:
        NotFound, NoLongerOperator, NotYourDivision, OwnRoleChange, AlreadyDecided, ProposalExpired, OperatorNeeded
    """
    change = await _open(tx, role_change_id)
    if caller.id != change.proposed_by:
        capacity = await company_roles.capacity_of(tx, caller, change.organisation_id)
        await company_roles.require_may_decide(tx, capacity, change, rejecting=True)
        require_second_person(caller.id, change.person_id, refusal=refusals.OwnRoleChange)
    elif caller.memberships_as(Role.OPERATOR):
        await operators.require_operator(tx, caller)
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
        change = change_of(membership, Action.EXPIRY, "not renewed", None)
        with contextlib.suppress(refusals.LastOperators, refusals.NoIndependentOperators):
            async with tx.begin_nested():
                await carry_out(tx, change)


async def end_all_of(tx: AsyncSession, person_id: UUID) -> None:
    """End the roles of a person, also the last operators', and what is proposed for them; roles are locked."""
    waiting = update(RoleChange).where(RoleChange.person_id == person_id, RoleChange.status == Status.PROPOSED)
    await tx.execute(waiting.values(status=Status.EXPIRED))
    held = Membership.person_id == person_id, Membership.ended_at.is_(None)
    for membership in (await tx.scalars(select(Membership).where(*held).order_by(Membership.id))).all():
        await carry_out(tx, change_of(membership, Action.REMOVAL, "identity lost", None))


async def _wanted(tx: AsyncSession, caller: Caller, new: schemas.NewRoleChange) -> RoleChange:
    match new:
        case schemas.NewGrant():
            return await _grant(tx, caller, new)
        case schemas.NewRenewal():
            return await _renewal(tx, caller, new)
        case schemas.NewRemoval():
            return await _removal(tx, caller, new)


async def _grant(tx: AsyncSession, caller: Caller, new: schemas.NewGrant) -> RoleChange:
    organisation = await organisations.known(tx, new.organisation_id)
    if new.role not in COMPANY_ROLES or not await companies.is_company(tx, organisation.id):
        organisations.check_role_fits(organisation, new.role)
    return await granting(tx, new, new.role, caller.id)


async def granting(tx: AsyncSession, new: schemas.NewHolder, role: AnyRole, proposed_by: UUID) -> RoleChange:
    """The change that grants a role to the person of a phone.

    Raises:
        AlreadyMember
    """
    person = await person_of_phone(tx, new.phone)
    if await organisations.has_role(tx, new.organisation_id, person.id, role):
        raise organisations.AlreadyMember(role=role)
    return RoleChange(
        action=Action.GRANT,
        organisation_id=new.organisation_id,
        person_id=person.id,
        role=role,
        until=new.until,
        reason=new.reason,
        proposed_by=proposed_by,
    )


async def _renewal(tx: AsyncSession, caller: Caller, new: schemas.NewRenewal) -> RoleChange:
    membership = await organisations.current_membership(tx, new.organisation_id, new.membership_id)
    change = change_of(membership, Action.RENEWAL, new.reason, caller.id)
    change.until = new.until
    return change


async def _removal(tx: AsyncSession, caller: Caller, new: schemas.NewRemoval) -> RoleChange:
    membership = await organisations.current_membership(tx, new.organisation_id, new.membership_id)
    return change_of(membership, Action.REMOVAL, new.reason, caller.id)


def change_of(membership: Membership, action: Action, reason: str, proposed_by: UUID | None) -> RoleChange:
    return RoleChange(
        action=action,
        organisation_id=membership.organisation_id,
        person_id=membership.person_id,
        role=membership.role,
        membership_id=membership.id,
        reason=reason,
        proposed_by=proposed_by,
    )


async def _open(tx: AsyncSession, role_change_id: UUID) -> RoleChange:
    await operators.lock_roles(tx)
    change = await tx.get(RoleChange, role_change_id)
    if change is None:
        raise NotFound
    if change.status == Status.EXPIRED or (change.status == Status.PROPOSED and change.expires_at < now()):
        raise refusals.ProposalExpired
    if change.status != Status.PROPOSED:
        raise refusals.AlreadyDecided(decision=change.status)
    return change


async def carry_out(tx: AsyncSession, change: RoleChange) -> None:
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
