from collections.abc import Awaitable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.oauth.suspensions import schemas, service
from svc_identity.organisations.models import Role
from svc_identity.organisations.operators import require_current
from svc_identity.organisations.reach import staff_readable
from svc_identity.organisations.role_changes.endpoints import CoolingOff
from svc_identity.people.suspensions.models import Suspension

router = APIRouter(prefix="/identity/v1/suspensions", tags=["organisations"])

Guard = Annotated[Caller, Depends(allow(scope="staff", role=service.GUARDS))]
Reader = Annotated[Caller, Depends(allow(scope="staff", role=(*service.GUARDS, Role.AUDITOR)))]


@router.post("", status_code=201)
async def suspend_access(
    tx: Tx, caller: Guard, once: OnceKey, body: Annotated[schemas.NewSuspension, Body()]
) -> schemas.Suspension:
    """Suspend a person or a client.

    Their access tokens are refused everywhere within five seconds, and they get no new ones. The sign-ins of a person
    end. The last two operators, and the last two who are independent, are not suspended.
    """
    return await once.do(tx, caller, _answer(service.suspend(tx, caller, body)))


@router.get("")
async def list_suspensions(
    tx: Tx, caller: Reader, page: PageQuery, *, lasting: bool | None = None
) -> Page[schemas.Suspension]:
    """List who was suspended, by whom, when and why. `lasting=true` is what lasts."""
    await require_current(tx, caller)
    query = select(Suspension).where(staff_readable(caller, Suspension.person_id))
    if lasting is not None:
        query = query.where(Suspension.lifted_at.is_(None) if lasting else Suspension.lifted_at.is_not(None))
    return await page_of(tx, query, page, Suspension.id, _shown)


@router.post("/{suspension_id}/lift")
async def lift_suspension(
    tx: Tx, caller: Guard, once: OnceKey, cooling_off: CoolingOff, suspension_id: UUID, body: schemas.Lifting
) -> schemas.Suspension:
    """Lift a suspension of another security officer or operator.

    Neither of the two holds the role by the other's proposal, and the caller has had theirs for a day
    (`MYILI_COOLING_OFF_HOURS`). A resumed person signs in anew.
    """
    lifted = service.lift(tx, caller, suspension_id, body, cooling_off=cooling_off)
    return await once.do(tx, caller, _answer(lifted))


async def _answer(step: Awaitable[Suspension]) -> schemas.Suspension:
    return _shown(await step)


def _shown(suspension: Suspension) -> schemas.Suspension:
    names = (
        "person_id",
        "client_id",
        "reason",
        "suspended_by",
        "suspended_at",
        "lift_reason",
        "lifted_by",
        "lifted_at",
    )
    return schemas.Suspension(suspension_id=suspension.id, **{name: getattr(suspension, name) for name in names})
