"""What the worker does with changes of lost phones that wait."""

from datetime import timedelta

from sqlalchemy import select

from chassis.db import Database, now
from kit.leases import claimable
from svc_identity.settings import Settings
from svc_identity.sign_in.phone_changes import lost
from svc_identity.sign_in.phone_changes.models import ChangeStatus, PhoneChange

REMINDED_BEFORE = timedelta(days=1)
_WAITING = PhoneChange.status == ChangeStatus.WAITING


async def complete_due(database: Database, settings: Settings) -> None:
    """Complete the changes whose waiting time is over, each in a transaction of its own."""
    async with database.read() as tx:
        due = select(PhoneChange.id).where(_WAITING, PhoneChange.completes_at <= now())
        ids = (await tx.scalars(due.order_by(PhoneChange.completes_at))).all()
    for change_id in ids:
        async with database.transaction() as tx:
            await lost.complete(tx, settings, change_id)


async def remind_due(database: Database, settings: Settings) -> None:
    """Tell old numbers a day before the end, where the waiting time is longer than that."""
    if timedelta(days=settings.lost_phone_days) <= REMINDED_BEFORE:
        return
    soon = _WAITING, PhoneChange.reminded_at.is_(None), PhoneChange.completes_at <= now() + REMINDED_BEFORE
    async with database.transaction() as tx:
        for change in await tx.scalars(claimable(select(PhoneChange).where(*soon), PhoneChange.completes_at)):
            await lost.remind(tx, settings, change)
