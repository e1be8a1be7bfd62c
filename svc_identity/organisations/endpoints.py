from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.organisations import queries, schemas, service
from svc_identity.organisations.models import Organisation
from svc_identity.organisations.operators import require_operator
from svc_identity.organisations.provider import Registry
from svc_identity.organisations.reach import require_reach, require_reach_of_organisation
from svc_identity.organisations.role_changes import at_once

router = APIRouter(prefix="/identity/v1/organisations", tags=["organisations"])

Operator = Annotated[Caller, Depends(allow(scope="staff", role="operator"))]


@router.post("", status_code=201)
async def create_organisation(
    transactions: Transactions, caller: Operator, once: OnceKey, registry: Registry, body: schemas.NewOrganisation
) -> schemas.Organisation:
    """Register an organisation whose members work on the platform.

    The legal-entity registry must list it. Operators of a county register those of their county.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        await require_operator(tx, caller)
        await service.check_new(tx, body)
        await require_reach(tx, caller, body.division_code)
    status = await registry.look_up(body.uscc)
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, service.register(tx, body, status))


@router.get("")
async def list_organisations(tx: ReadTx, caller: Operator, page: PageQuery) -> Page[schemas.Organisation]:
    """List the organisations whose members work on the platform, in order of registration."""
    await require_operator(tx, caller)
    return await page_of(tx, service.of_staff(), page, Organisation.id, schemas.Organisation.model_validate)


@router.get("/{organisation_id}")
async def get_organisation(tx: ReadTx, caller: Operator, organisation_id: UUID) -> schemas.Organisation:
    """Get an organisation."""
    await require_operator(tx, caller)
    return schemas.Organisation.model_validate(await service.known_of_staff(tx, organisation_id))


@router.post("/{organisation_id}/members", status_code=201)
async def add_member(
    tx: Tx, caller: Operator, once: OnceKey, organisation_id: UUID, body: schemas.NewMember
) -> schemas.Member:
    """Grant a role in an organisation to the person with a phone number.

    An unknown person is registered. Access tokens issued from now on carry the role. The roles of operators, auditors
    and reviewers need a second operator: propose a role change instead.
    """
    return await once.do(tx, caller, _add_member(tx, caller, organisation_id, body))


@router.get("/{organisation_id}/members")
async def list_members(tx: Tx, caller: Operator, organisation_id: UUID, page: PageQuery) -> Page[schemas.Member]:
    """List the current members of an organisation and their roles."""
    await require_operator(tx, caller)
    await service.known(tx, organisation_id)
    await require_reach_of_organisation(tx, caller, organisation_id)
    return await queries.members(tx, organisation_id, page, reader=caller.subject)


@router.post("/{organisation_id}/counter-staff", status_code=201)
async def add_counter_staff(
    tx: Tx, caller: Operator, once: OnceKey, organisation_id: UUID, body: schemas.NewCounterStaff
) -> schemas.CounterStaff:
    """Make a person clerk at a county's one-stop counter.

    The person is named by phone number. Till supervisors need a second operator: propose a role change instead.
    """
    return await once.do(tx, caller, _add_counter_staff(tx, caller, organisation_id, body))


@router.get("/{organisation_id}/counter-staff")
async def list_counter_staff(
    tx: Tx, caller: Operator, organisation_id: UUID, page: PageQuery
) -> Page[schemas.CounterStaff]:
    """List the current staff of a county's one-stop counter.

    Their roles are revoked like those of other members.
    """
    await require_operator(tx, caller)
    await service.known(tx, organisation_id)
    await require_reach_of_organisation(tx, caller, organisation_id)
    return await queries.counter_staff(tx, organisation_id, page, reader=caller.subject)


@router.get("/{organisation_id}/staff")
async def list_staff(tx: Tx, caller: Operator, organisation_id: UUID, page: PageQuery) -> Page[schemas.StaffMember]:
    """List everybody who holds a role in an organisation, security officers too."""
    await require_operator(tx, caller)
    await service.known(tx, organisation_id)
    await require_reach_of_organisation(tx, caller, organisation_id)
    return await queries.staff(tx, organisation_id, page, reader=caller.subject)


@router.delete("/{organisation_id}/members/{membership_id}", status_code=204)
async def remove_member(tx: Tx, caller: Operator, organisation_id: UUID, membership_id: UUID) -> None:
    """Revoke a member's role.

    Access tokens issued before lose the role within five seconds. Roles that a second operator has approved are removed
    in the same way: propose a role change instead.
    """
    await at_once.remove_at_once(tx, caller, organisation_id, membership_id)


async def _add_member(tx: Tx, caller: Caller, organisation_id: UUID, new: schemas.NewMember) -> schemas.Member:
    membership = await at_once.grant_at_once(tx, caller, organisation_id, new)
    return service.show_member(membership, new.phone)


async def _add_counter_staff(
    tx: Tx, caller: Caller, organisation_id: UUID, new: schemas.NewCounterStaff
) -> schemas.CounterStaff:
    membership = await at_once.grant_at_once(tx, caller, organisation_id, new)
    return service.show_counter_staff(membership, new.phone)
