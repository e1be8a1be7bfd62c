from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id, now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.fields.phones import mask_phone
from kit.security_log import record_on_commit
from svc_identity.organisations import schemas
from svc_identity.organisations.events import OrganisationRegistered
from svc_identity.organisations.models import (
    ROLES,
    AnyRole,
    CompanyKind,
    Division,
    Kind,
    Membership,
    Organisation,
    Role,
)
from svc_identity.organisations.provider import LegalStatus

PREFECTURE = "654000"
ORGANISATION_REGISTERED = SecurityEvent("organisation_registered")


class UnknownDivision(Problem):
    status, code = 422, "unknown_division"


class OrganisationExists(Problem):
    status, code = 409, "organisation_exists"


class LegalEntityNotActive(Problem):
    """The registry has no such active organisation."""

    status, code = 422, "legal_entity_not_active"


class RoleDoesNotFit(Problem):
    status, code = 422, "role_does_not_fit"


class AlreadyMember(Problem):
    status, code = 409, "already_member"


async def check_new(tx: AsyncSession, new: schemas.NewOrganisation) -> None:
    """What can be refused before the registry is queried.

    Raises:
        UnknownDivision, OrganisationExists
    """
    if await tx.get(Division, new.division_code) is None:
        raise UnknownDivision(division_code=new.division_code)
    if await tx.scalar(select(Organisation.id).where(Organisation.uscc == new.uscc)):
        raise OrganisationExists(uscc=new.uscc)


async def register(tx: AsyncSession, new: schemas.NewOrganisation, status: LegalStatus) -> schemas.Organisation:
    """Register an organisation that the legal-entity registry knows.

    Raises:
        LegalEntityNotActive, OrganisationExists
    """
    if status is not LegalStatus.ACTIVE:
        raise LegalEntityNotActive(uscc=new.uscc, registry_says=status)
    organisation_id = await _insert(tx, **new.model_dump())
    if organisation_id is None:
        raise OrganisationExists(uscc=new.uscc)
    return schemas.Organisation.model_validate(await tx.get_one(Organisation, organisation_id))


async def platform(tx: AsyncSession) -> Organisation:
    """The platform's own organisation; made now when there is none.

    Raises:
        UnknownDivision: the divisions are not loaded.
    """
    if await tx.get(Division, PREFECTURE) is None:
        raise UnknownDivision(division_code=PREFECTURE)
    await _insert(tx, uscc=None, name="我的伊犁", kind=Kind.PLATFORM, division_code=PREFECTURE)
    own = select(Organisation).where(Organisation.kind == Kind.PLATFORM, Organisation.uscc.is_(None))
    return (await tx.scalars(own)).one()


async def _insert(tx: AsyncSession, **values: object) -> UUID | None:
    """Insert an organisation and emit its event; None when it exists."""
    statement = insert(Organisation).values(id=new_id(), **values).on_conflict_do_nothing()
    inserted = await tx.scalar(statement.returning(Organisation.id))
    if inserted:
        organisation = await tx.get_one(Organisation, inserted)
        await emit(
            tx,
            OrganisationRegistered(
                organisation_id=organisation.id,
                kind=Kind(organisation.kind),
                division_code=organisation.division_code,
            ),
        )
        record_on_commit(tx, ORGANISATION_REGISTERED, organisation.kind, organisation_id=organisation.id)
    return inserted


async def known(tx: AsyncSession, organisation_id: UUID) -> Organisation:
    """An organisation by its id.

    Raises:
        NotFound
    """
    organisation = await tx.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound
    return organisation


def of_staff() -> Select[Organisation]:
    """The organisations that operators register; not those of companies, see `companies`."""
    return select(Organisation).where(Organisation.kind.in_([*Kind]))


async def known_of_staff(tx: AsyncSession, organisation_id: UUID) -> Organisation:
    """An organisation that operators register, by its id.

    Raises:
        NotFound
    """
    organisation = await known(tx, organisation_id)
    if organisation.kind == CompanyKind.PROVIDER:
        raise NotFound
    return organisation


def check_role_fits(organisation: Organisation, role: AnyRole) -> None:
    """Refuse a role that the organisation cannot give.

    Raises:
        RoleDoesNotFit
    """
    if role not in ROLES[organisation.kind]:
        raise RoleDoesNotFit(role=role, fitting=sorted(ROLES[organisation.kind]))


async def start_membership(
    tx: AsyncSession, organisation_id: UUID, person_id: UUID, role: str, expires_at: datetime
) -> UUID | None:
    """The id of the new membership, or None when the person has this role already."""
    named = {"organisation_id": organisation_id, "person_id": person_id, "role": role}
    statement = (
        insert(Membership)
        .values(id=new_id(), expires_at=expires_at, **named)
        .on_conflict_do_nothing()
        .returning(Membership.id)
    )
    started: UUID | None = await tx.scalar(statement)
    return started


async def has_role(tx: AsyncSession, organisation_id: UUID, person_id: UUID, role: str) -> bool:
    current = select(Membership.id).where(
        Membership.organisation_id == organisation_id,
        Membership.person_id == person_id,
        Membership.role == role,
        Membership.ended_at.is_(None),
    )
    return await tx.scalar(current) is not None


async def end_membership(tx: AsyncSession, membership_id: UUID) -> bool:
    """End a membership; false when it had ended. Tokens issued before keep the role until they expire."""
    current = (Membership.id == membership_id, Membership.ended_at.is_(None))
    ended = update(Membership).where(*current).values(ended_at=now()).returning(Membership.id)
    return await tx.scalar(ended) is not None


async def current_membership(tx: AsyncSession, organisation_id: UUID, membership_id: UUID) -> Membership:
    """A membership of this organisation that has not ended.

    Raises:
        NotFound
    """
    membership = await tx.get(Membership, membership_id, populate_existing=True)
    if membership is None or membership.organisation_id != organisation_id or membership.ended_at is not None:
        raise NotFound
    return membership


def show_member(membership: Membership, phone: str) -> schemas.Member:
    return schemas.Member(role=Role(membership.role), **_member_fields(membership, phone))


def show_counter_staff(membership: Membership, phone: str) -> schemas.CounterStaff:
    return schemas.CounterStaff(role=membership.role, **_member_fields(membership, phone))


def show_staff(membership: Membership, phone: str) -> schemas.StaffMember:
    return schemas.StaffMember(role=membership.role, **_member_fields(membership, phone))


def _member_fields(membership: Membership, phone: str) -> dict[str, Any]:
    return {
        "membership_id": membership.id,
        "organisation_id": membership.organisation_id,
        "person_id": membership.person_id,
        "phone": mask_phone(phone),
        "created_at": membership.created_at,
        "expires_at": membership.expires_at,
    }
