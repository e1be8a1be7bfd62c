"""What a decided role change does to the membership: it starts, lasts longer, or ends."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.organisations import operators
from svc_identity.organisations import service as organisations
from svc_identity.organisations.models import TWO_PERSON_ROLES, Membership, Role
from svc_identity.organisations.role_changes import refusals, terms
from svc_identity.organisations.role_changes.independence import some_are_independent
from svc_identity.organisations.role_changes.models import RoleChange
from svc_identity.people.persons.models import PROOFED, Person


async def start(tx: AsyncSession, change: RoleChange) -> None:
    """Start the membership of a granted role.

    Raises:
        PersonNotProofed, AlreadyMember
    """
    if change.role in TWO_PERSON_ROLES and change.proposed_by:
        person = await tx.get_one(Person, change.person_id, populate_existing=True)
        if person.assurance_level < PROOFED:
            raise refusals.PersonNotProofed
    started = await organisations.start_membership(
        tx, change.organisation_id, change.person_id, change.role, terms.end_of(change.until)
    )
    if started is None:
        raise organisations.AlreadyMember(role=change.role)
    change.membership_id = started


async def renew(tx: AsyncSession, change: RoleChange) -> None:
    """Let a membership end later.

    Raises:
        MembershipEnded
    """
    current = (Membership.id == change.membership_id, Membership.ended_at.is_(None))
    renewed = update(Membership).where(*current).values(expires_at=terms.end_of(change.until), reminders=0)
    if await tx.scalar(renewed.returning(Membership.id)) is None:
        raise refusals.MembershipEnded


async def end(tx: AsyncSession, change: RoleChange) -> None:
    """End a membership.

    Raises:
        MembershipEnded, LastOperators, NoIndependentOperators
    """
    if change.membership_id is None or not await organisations.end_membership(tx, change.membership_id):
        raise refusals.MembershipEnded
    if change.role == Role.OPERATOR and not change.by_lost_identity:
        await require_enough_operators(tx)


async def require_enough_operators(tx: AsyncSession) -> None:
    """Refuse what leaves too few operators of the whole prefecture; roles are locked.

    Raises:
        LastOperators, NoIndependentOperators
    """
    remaining = await operators.operators(tx, reaching=organisations.PREFECTURE)
    if len(remaining) < operators.FEWEST:
        raise refusals.LastOperators(fewest=operators.FEWEST)
    if not await some_are_independent(tx, remaining, reaching=organisations.PREFECTURE):
        raise refusals.NoIndependentOperators
