from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request

from chassis.auth import Caller, allow
from chassis.db import Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_identity.organisations.operators import require_current
from svc_identity.organisations.role_changes import queries, schemas, service
from svc_identity.organisations.role_changes.models import RoleChange, Status
from svc_identity.settings import Settings

router = APIRouter(prefix="/identity/v1/role-changes", tags=["organisations"])

Operator = Annotated[Caller, Depends(allow(scope="staff", role="operator"))]
Reader = Annotated[Caller, Depends(allow(scope="staff", role=("operator", "auditor")))]
Granter = Annotated[Caller, Depends(allow(scope="staff", role=("operator", "provider_admin")))]
GrantReader = Annotated[Caller, Depends(allow(scope="staff", role=("operator", "auditor", "provider_admin")))]

What = TypeVar("What")


async def _cooling_off(request: Request) -> timedelta:
    settings: Settings = request.app.state.settings
    return timedelta(hours=settings.cooling_off_hours)


CoolingOff = Annotated[timedelta, Depends(_cooling_off)]


@router.post("", status_code=201)
async def propose_role_change(
    tx: Tx, caller: Granter, once: OnceKey, body: Annotated[schemas.NewRoleChange, Body()]
) -> schemas.RoleChange:
    """Propose to grant a role to the person of a phone, to renew one, or to remove one.

    An operator's role reaches the organisations of its own organisation's division, that of the prefecture all.
    Another operator approves it within seven days. Roles that approve or inspect the work of others are granted,
    renewed and removed in this way only. Every role ends on its last day, or after a year; the renewal of one that
    needs no second person is carried out at once. Admins of a provider's company propose `provider_admin` and
    `provider_operator` in it, and their removal.
    """
    return await once.do(tx, caller, _answer(tx, caller, service.propose, body))


@router.get("")
async def list_role_changes(
    tx: Tx, caller: GrantReader, page: PageQuery, status: Status | None = None, organisation_id: UUID | None = None
) -> Page[schemas.RoleChange]:
    """List which roles were granted, renewed, removed or ended, by whom, when and why.

    `status=proposed` is what waits. Operators and auditors of a county read those of its organisations,
    admins of a provider's company those of their company's roles.
    """
    await require_current(tx, caller)
    return await queries.listed(tx, caller, page, status=status, organisation_id=organisation_id)


@router.get("/{role_change_id}")
async def get_role_change(tx: Tx, caller: GrantReader, role_change_id: UUID) -> schemas.RoleChange:
    """Get a role change."""
    await require_current(tx, caller)
    return await queries.read(tx, caller, role_change_id)


@router.post("/{role_change_id}/approve")
async def approve_role_change(
    tx: Tx, caller: Granter, once: OnceKey, cooling_off: CoolingOff, role_change_id: UUID
) -> schemas.RoleChange:
    """Approve somebody else's proposal and carry it out.

    The approver is neither the proposer nor the person who gets the role, and neither of the two operators holds that
    role by the other's proposal. The approver has been operator for a day (`MYILI_COOLING_OFF_HOURS`), by a role that
    reaches the organisation's division. In a provider's company a second admin, who has been one for as long, approves
    what makes nobody an admin; that takes an operator. Access tokens issued from now on carry the new roles.
    """
    return await once.do(
        tx, caller, _answer(tx, caller, partial(service.approve, cooling_off=cooling_off), role_change_id)
    )


@router.post("/{role_change_id}/reject")
async def reject_role_change(tx: Tx, caller: Granter, once: OnceKey, role_change_id: UUID) -> schemas.RoleChange:
    """Reject a proposal, or withdraw one's own."""
    return await once.do(tx, caller, _answer(tx, caller, service.reject, role_change_id))


async def _answer(
    tx: Tx, caller: Caller, step: Callable[[Tx, Caller, What], Awaitable[RoleChange]], what: What
) -> schemas.RoleChange:
    change = await step(tx, caller, what)
    return await queries.shown_to(tx, caller, change.id)
