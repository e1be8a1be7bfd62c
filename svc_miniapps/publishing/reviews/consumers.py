"""Follows svc_services' calendar: the promises of waiting reviews go by what it says now."""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Handler, Received
from svc_miniapps.publishing.reviews.clock import due_after, yellow_after
from svc_miniapps.publishing.reviews.models import Outcome, Review
from svc_miniapps.reference.working_days.service import take_over, working_days


class Day(BaseModel):
    model_config = ConfigDict(extra="ignore")

    day: date
    working: bool


class CalendarChanged(EventData):
    """What is used of `calendar.changed`."""

    revision: int
    days: list[Day]


async def _move_promises(tx: AsyncSession, event: Received[CalendarChanged]) -> None:
    await take_over(tx, event.data.revision, [(each.day, each.working) for each in event.data.days])
    is_working = await working_days(tx)
    waiting = select(Review).where(Review.outcome == Outcome.WAITING).order_by(Review.id)
    for review in (await tx.scalars(waiting.with_for_update(of=Review))).all():
        review.yellow_at = yellow_after(review.submitted_at, is_working=is_working)
        review.due_at = due_after(review.submitted_at, is_working=is_working)


HANDLERS = (Handler("cn.ili.services.calendar.changed.v1", CalendarChanged, _move_promises),)
