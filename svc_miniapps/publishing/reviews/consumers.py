"""Follows svc_services' calendar: the promises of waiting reviews go by what it says now."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import Handler, Received
from kit.changed_days import CalendarChanged, keep, working_days
from svc_miniapps.publishing.reviews.clock import due_after, yellow_after
from svc_miniapps.publishing.reviews.models import Outcome, Review


async def _move_promises(tx: AsyncSession, event: Received[CalendarChanged]) -> None:
    await keep(tx, event)
    is_working = await working_days(tx)
    waiting = select(Review).where(Review.outcome == Outcome.WAITING).order_by(Review.id)
    for review in (await tx.scalars(waiting.with_for_update(of=Review))).all():
        review.yellow_at = yellow_after(review.submitted_at, is_working=is_working)
        review.due_at = due_after(review.submitted_at, is_working=is_working)


HANDLERS = (Handler("cn.ili.services.calendar.changed.v1", CalendarChanged, _move_promises),)
