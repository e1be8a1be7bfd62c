"""How long a role lasts: a year, or until the day that was asked for. Operators are reminded, and renew it or not."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, now
from chassis.outbox import emit
from svc_identity.organisations.models import Membership
from svc_identity.organisations.role_changes.events import MembershipExpiring

USUAL = timedelta(days=365)
REMINDERS = (timedelta(days=30), timedelta(days=7))
"""How long before its end an event says so."""


def end_of(until: date | None) -> datetime:
    """The end of a role whose last day is `until`, in China; of one without a last day, in a year."""
    if until is None:
        return now() + USUAL
    return datetime.combine(until + timedelta(days=1), time.min, CHINA)


async def due(tx: AsyncSession) -> Sequence[Membership]:
    """Memberships whose time is over, the oldest end first."""
    over = select(Membership).where(Membership.ended_at.is_(None), Membership.expires_at <= now())
    return (await tx.scalars(over.order_by(Membership.expires_at, Membership.id))).all()


async def remind(tx: AsyncSession) -> None:
    """Emit an event for each membership that ends within the next reminder's time; a short one gets only the last."""
    for number, before in reversed([*enumerate(REMINDERS, start=1)]):
        ending = (
            select(Membership)
            .where(Membership.ended_at.is_(None), Membership.reminders < number)
            .where(Membership.expires_at <= now() + before)
        )
        for membership in await tx.scalars(ending.with_for_update(skip_locked=True)):
            membership.reminders = number
            await emit(tx, MembershipExpiring.of(membership))
