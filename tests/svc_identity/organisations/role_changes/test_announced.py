"""Services that keep roles begin with those from before: a migration tells all of them again."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.inbox import Envelope
from chassis.outbox import outbox
from chassis.testing import emitted
from kit.staff.consumers import RoleChanged
from svc_identity.organisations.models import Membership
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.requests import granted

ANNOUNCE: str = import_module("svc_identity.migrations.versions.0018_roles").ANNOUNCE
APPROVED = "cn.ili.identity.role_change.approved.v1"


async def told(tx: AsyncSession, wanted: Callable[[dict[str, Any]], bool]) -> list[RoleChanged]:
    events = [event for event in await emitted(tx) if event.type == APPROVED and wanted(event.data)]
    return [RoleChanged.model_validate(event.data) for event in events]


async def test_every_role_is_told_as_it_was_told_when_it_changed(platform: Platform) -> None:
    _, phone, _ = await platform.person()
    change = await granted(platform.api, (platform.first, platform.second), platform.id, phone, "auditor")
    membership_id = UUID(change["membership_id"])

    def of_it(data: dict[str, Any]) -> bool:
        return bool(data["membership_id"] == str(membership_id))

    async with platform.database.transaction() as tx:
        before = await told(tx, of_it)
        await tx.execute(delete(outbox))
        await (await tx.connection()).exec_driver_sql(ANNOUNCE)
        assert await told(tx, of_it) == before
        assert before
        for payload in await tx.scalars(select(outbox.c.payload)):
            Envelope.model_validate_json(payload)


async def test_a_role_from_before_changes_were_kept_is_told_too_and_its_end(platform: Platform) -> None:
    async with platform.database.transaction() as tx:
        member = (await tx.scalars(select(Membership).limit(1))).one()
        who = {"organisation_id": member.organisation_id, "person_id": member.person_id}
        old = Membership(**who, role="auditor", created_at=now() - timedelta(days=2), expires_at=now())
        tx.add(old)
        await tx.flush()
        ended_at = now() - timedelta(days=1)
        await tx.execute(update(Membership).where(Membership.id == old.id).values(ended_at=ended_at))
        await tx.execute(delete(outbox))
        await (await tx.connection()).exec_driver_sql(ANNOUNCE)
        grant, end = await told(tx, lambda data: data["membership_id"] == str(old.id))
    assert (grant.action, grant.proposed_by) == ("grant", None)
    assert (end.action, end.decided_at) == ("removal", ended_at)
