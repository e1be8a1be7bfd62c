"""Keeps the roles as svc_identity's events tell them, in whatever order they come."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Literal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from kit.staff.models import staff_roles


class RoleChanged(EventData):
    """What is used of svc_identity's `role_change.approved`."""

    action: Literal["grant", "renewal", "removal", "expiry"]
    membership_id: UUID
    organisation_id: UUID
    person_id: UUID
    role: str
    division_code: str | None = None
    proposed_by: UUID | None
    proposed_at: datetime
    decided_at: datetime


def handlers(cooling_off_hours: float) -> Sequence[AnyHandler]:
    """What a service's worker handles to keep the roles."""
    keep = partial(_keep, cooling_off=timedelta(hours=cooling_off_hours))
    return [Handler("cn.ili.identity.role_change.approved.v1", RoleChanged, keep)]


async def _keep(tx: AsyncSession, event: Received[RoleChanged], *, cooling_off: timedelta) -> None:
    change = event.data
    if change.action == "renewal":
        return
    if change.action == "grant":
        told: dict[str, object] = {
            "proposed_by": change.proposed_by,
            "proposed_at": change.proposed_at,
            "granted_at": change.decided_at,
            "second_from": change.decided_at + cooling_off,
        }
    else:
        told = {"ended_at": change.decided_at}
    names = ("membership_id", "organisation_id", "person_id", "role")
    if change.division_code:
        told["division_code"] = change.division_code
    row = insert(staff_roles).values(**{name: getattr(change, name) for name in names}, **told)
    await tx.execute(row.on_conflict_do_update(index_elements=[staff_roles.c.membership_id], set_=told))
