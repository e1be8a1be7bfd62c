"""Roles that one operator grants and removes, and operators who are appointed by a command."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from svc_identity.organisations import service as organisations
from svc_identity.organisations.models import TWO_PERSON_ROLES, Membership, Organisation, Role
from svc_identity.organisations.reach import require_reach_of_organisation
from svc_identity.organisations.role_changes import refusals
from svc_identity.organisations.role_changes.models import Action, RoleChange
from svc_identity.organisations.role_changes.service import begin, carry_out, change_of
from svc_identity.organisations.schemas import NewCounterStaff, NewMember
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import person_of_phone


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
    await carry_out(tx, change)
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
    await carry_out(tx, change_of(membership, Action.REMOVAL, "member removed", caller.id))


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
    await carry_out(tx, change)
    return True
