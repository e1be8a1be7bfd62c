"""Who proposes and approves the roles of a provider's company: operators as for all roles, and its own admins.

Nobody grants beyond their own company, and an operator has a say in every admin.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound
from kit.staff.refusals import NotIndependent, NotYourDivision, ProposerWithoutRole
from svc_identity.organisations import operators
from svc_identity.organisations.companies import service as companies
from svc_identity.organisations.models import COMPANY_ROLES, CompanyRole, Membership, Organisation, Role
from svc_identity.organisations.reach import require_reach_of_organisation
from svc_identity.organisations.representation.models import RepresentedOrganisation
from svc_identity.organisations.role_changes import refusals
from svc_identity.organisations.role_changes.independence import are_independent
from svc_identity.organisations.role_changes.models import Action, RoleChange
from svc_identity.organisations.role_changes.second_operator import require_second_operator
from svc_identity.organisations.service import RoleDoesNotFit, known
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.suspensions.queries import suspended_persons

_GRANTERS = (Role.OPERATOR, CompanyRole.PROVIDER_ADMIN)


@dataclass(frozen=True)
class Capacity:
    """By which role somebody decides about roles in an organisation."""

    reaching: str | None
    """The division that an operator reaches; None for an admin of the company."""

    @property
    def as_admin(self) -> bool:
        return self.reaching is None


_ADMIN = Capacity(None)


async def capacity_of(tx: AsyncSession, caller: Caller, organisation_id: UUID) -> Capacity:
    """How the caller may decide about roles there, read live.

    Raises:
        NoLongerOperator, NotYourDivision: an operator who may not.
        NotFound: no such organisation, or it is not the company of this admin.
    """
    is_admin = await tx.scalar(_admins(organisation_id).where(Membership.person_id == caller.id)) is not None
    if not caller.memberships_as(Role.OPERATOR):
        if not is_admin:
            raise NotFound
        return _ADMIN
    try:
        await operators.require_operator(tx, caller)
        await known(tx, organisation_id)
        return Capacity(await require_reach_of_organisation(tx, caller, organisation_id))
    except (operators.NoLongerOperator, NotYourDivision):
        if is_admin:
            return _ADMIN
        raise


def require_own_kind(capacity: Capacity, role: str) -> None:
    """Refuse an admin who decides about a role of another kind.

    Raises:
        RoleDoesNotFit
    """
    if capacity.as_admin and role not in COMPANY_ROLES:
        raise RoleDoesNotFit(role=role, fitting=sorted(COMPANY_ROLES))


async def require_may_decide(
    tx: AsyncSession, capacity: Capacity, change: RoleChange, *, rejecting: bool = False
) -> None:
    """Refuse an admin what takes an operator.

    Raises:
        NotFound: it is no role of a company.
        OperatorNeeded
    """
    if not capacity.as_admin:
        return
    if change.role not in COMPANY_ROLES:
        raise NotFound
    by_operator = rejecting and change.proposed_by in await operators.operators(tx)
    makes_admin = not rejecting and change.role == CompanyRole.PROVIDER_ADMIN and change.action != Action.REMOVAL
    if by_operator or makes_admin:
        raise refusals.OperatorNeeded


async def require_second(
    tx: AsyncSession, caller: Caller, capacity: Capacity, change: RoleChange, *, cooling_off: timedelta
) -> None:
    """Refuse a caller who cannot be the second person of a role change.

    Raises:
        SecondPersonNeeded, NotIndependent, ProposerNoLongerOperator, ProposerWithoutRole, RoleTooNew
    """
    if change.role not in COMPANY_ROLES:
        await require_second_operator(
            tx,
            caller.id,
            change.proposed_by,
            cooling_off=cooling_off,
            reaching=capacity.reaching,
            proposed_at=change.proposed_at,
        )
        return
    organisation = await tx.get_one(Organisation, change.organisation_id)
    if change.proposed_by:
        pair = (change.proposed_by, caller.id)
        seat = organisation.division_code
        if not await are_independent(tx, *pair, reaching=seat, roles=_GRANTERS, proposing=_GRANTERS):
            raise NotIndependent
        if not await _proposer_stands(tx, change.proposed_by, change, organisation):
            raise ProposerWithoutRole
    since = _admins(organisation.id).with_only_columns(func.min(Membership.created_at))
    held_since = (
        await tx.scalar(since.where(Membership.person_id == caller.id))
        if capacity.as_admin
        else await operators.held_since(tx, caller.id, reaching=capacity.reaching)
    )
    refusals.require_cooled_off(held_since, cooling_off)


async def _proposer_stands(tx: AsyncSession, proposer: UUID, change: RoleChange, organisation: Organisation) -> bool:
    """Whether who proposed it still is what they were then: operator, admin or legal representative."""
    since = change.proposed_at
    admin = _admins(organisation.id).where(Membership.person_id == proposer, Membership.created_at <= since)
    if await tx.scalar(admin) is not None:
        return True
    represented = (
        select(RepresentedOrganisation.id)
        .join(Person, Person.id == RepresentedOrganisation.representative_id)
        .where(RepresentedOrganisation.uscc == organisation.uscc, RepresentedOrganisation.claimed_at <= since)
        .where(Person.id == proposer, Person.assurance_level >= PROOFED, Person.id.not_in(suspended_persons()))
    )
    if await tx.scalar(represented) is not None:
        return True
    reaching = await companies.division_to_reach(tx, organisation)
    return await operators.still_operator(tx, proposer, since=since, reaching=reaching)


def _admins(organisation_id: UUID) -> Select[UUID]:
    """The memberships of those who can act as admins of a company now."""
    return (
        select(Membership.id)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.organisation_id == organisation_id, Membership.role == CompanyRole.PROVIDER_ADMIN)
        .where(Membership.ended_at.is_(None), Membership.expires_at > now())
        .where(Person.assurance_level >= PROOFED, Person.id.not_in(suspended_persons()))
    )
