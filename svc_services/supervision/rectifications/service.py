"""Rectifications: answered by the rated, followed up by operators, closed by a call-back or a second rating."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.outbox import emit
from chassis.problems import IllegalMove, NotFound
from kit.approvals import SecondPersonNeeded
from kit.calendar import today
from kit.staff.reach import acting_in
from svc_services.calendar.days.queries import calendar_of
from svc_services.callers import OPERATOR
from svc_services.cases.applications.models import Application
from svc_services.supervision import clocks
from svc_services.supervision.ratings.models import Rating
from svc_services.supervision.readers import CLERK, visible
from svc_services.supervision.rectifications import schemas
from svc_services.supervision.rectifications.events import RectificationMoved
from svc_services.supervision.rectifications.models import (
    LIMIT_DAYS,
    CallBack,
    Rectification,
    RectificationAction,
    RectificationEntry,
    RectificationStatus,
)
from svc_services.supervision.rectifications.refusals import NothingAnswered

_OF_OPERATORS = {
    RectificationAction.PAUSE: (RectificationStatus.OPEN, RectificationStatus.PAUSED),
    RectificationAction.RESUME: (RectificationStatus.PAUSED, RectificationStatus.OPEN),
}
"""What operators do to the clock, from where and to where."""
_CALLED_BACK = {
    CallBack.SATISFIED: RectificationStatus.CLOSED,
    CallBack.UNSATISFIED: RectificationStatus.OPEN,
    CallBack.UNREACHABLE: RectificationStatus.ANSWERED,
}


async def open_for(tx: AsyncSession, rating: Rating) -> None:
    """Open the rectification of a bad rating; its working days begin to count."""
    row = Rectification(
        id=new_id(),
        rating_id=rating.id,
        application_id=rating.application_id,
        provider_id=rating.provider_id,
        division_code=rating.division_code,
        status=RectificationStatus.OPEN,
        limit_days=LIMIT_DAYS,
        opened_at=now(),
    )
    clocks.begin(row, today(), await calendar_of(tx))
    tx.add(row)
    await tx.flush()
    await note(tx, row, RectificationAction.OPEN)


async def answer(tx: AsyncSession, caller: Caller, rectification_id: UUID, words: str) -> schemas.Rectification:
    """Say what was put right; the clock stands from then on."""
    row = await _visible(tx, caller, rectification_id, CLERK)
    await _move(tx, row, RectificationStatus.ANSWERED)
    await note(tx, row, RectificationAction.ANSWER, caller.id, words)
    return await _whole(tx, row)


async def steer(
    tx: AsyncSession, caller: Caller, rectification_id: UUID, action: RectificationAction, words: str
) -> schemas.Rectification:
    """Pause or resume the clock, with the reason.

    Raises:
        IllegalMove: it does not run, or was not paused.
    """
    row = await _of_operator(tx, caller, rectification_id)
    before, after = _OF_OPERATORS[action]
    if row.status != before:
        raise IllegalMove(current=str(row.status), wanted=str(after))
    await _move(tx, row, after)
    await note(tx, row, action, caller.id, words)
    return await _whole(tx, row)


async def call_back(
    tx: AsyncSession, caller: Caller, rectification_id: UUID, said: schemas.NewCallBack
) -> schemas.Rectification:
    """Record what the applicant said when called back; who finds nothing put right opens it again.

    Raises:
        NothingAnswered
        SecondPersonNeeded: the caller answered it.
    """
    row = await _of_operator(tx, caller, rectification_id)
    answered = select(RectificationEntry.id).where(
        RectificationEntry.rectification_id == row.id, RectificationEntry.actor_id == caller.id
    )
    if await tx.scalar(answered.where(RectificationEntry.action == RectificationAction.ANSWER).limit(1)):
        raise SecondPersonNeeded
    if row.status != RectificationStatus.ANSWERED:
        raise NothingAnswered
    await _move(tx, row, _CALLED_BACK[said.outcome])
    await note(tx, row, RectificationAction.CALL_BACK, caller.id, said.words, said.outcome)
    return await _whole(tx, row)


async def close(tx: AsyncSession, row: Rectification, action: RectificationAction, by: UUID | None) -> None:
    """Close it because the applicant rated again, or because the rating was set aside; once."""
    if row.status != RectificationStatus.CLOSED:
        await _move(tx, row, RectificationStatus.CLOSED)
    await note(tx, row, action, by)


async def of_rating(tx: AsyncSession, rating_id: UUID) -> Rectification | None:
    """The locked rectification of a rating."""
    query = select(Rectification).where(Rectification.rating_id == rating_id).with_for_update()
    row: Rectification | None = await tx.scalar(query)
    return row


async def escalate(tx: AsyncSession, row: Rectification) -> None:
    """Keep that it is overdue."""
    await note(tx, row, RectificationAction.ESCALATE)


async def shown(tx: AsyncSession, caller: Caller, rectification_id: UUID) -> schemas.Rectification:
    return await _whole(tx, await _visible(tx, caller, rectification_id))


def summary(row: Rectification) -> schemas.RectificationSummary:
    names = set(schemas.RectificationSummary.model_fields) - {"rectification_id"}
    return schemas.RectificationSummary(rectification_id=row.id, **{name: getattr(row, name) for name in names})


async def note(
    tx: AsyncSession,
    row: Rectification,
    action: RectificationAction,
    actor_id: UUID | None = None,
    words: str | None = None,
    outcome: CallBack | None = None,
) -> None:
    """Keep a step, and tell of it."""
    last = select(func.max(RectificationEntry.position)).where(RectificationEntry.rectification_id == row.id)
    entry = RectificationEntry(
        rectification_id=row.id, action=action, actor_id=actor_id, words=words, outcome=outcome, taken_at=now()
    )
    entry.position = (await tx.scalar(last) or 0) + 1
    tx.add(entry)
    await tx.flush()
    names = set(RectificationMoved.model_fields) - {"rectification_id", "action", "outcome"}
    same = {name: getattr(row, name) for name in names}
    await emit(tx, RectificationMoved(rectification_id=row.id, action=action, outcome=outcome, **same))


async def _move(tx: AsyncSession, row: Rectification, status: RectificationStatus) -> None:
    calendar = await calendar_of(tx)
    clocks.settle(row, today(), calendar)
    row.move_to(status)
    clocks.wind(row, calendar)


async def _whole(tx: AsyncSession, row: Rectification) -> schemas.Rectification:
    query = select(RectificationEntry).where(RectificationEntry.rectification_id == row.id)
    entries = [
        schemas.RectificationEntry.model_validate(each, from_attributes=True)
        for each in await tx.scalars(query.order_by(RectificationEntry.position))
    ]
    return schemas.Rectification(**summary(row).model_dump(), entries=entries)


async def _of_operator(tx: AsyncSession, caller: Caller, rectification_id: UUID) -> Rectification:
    row = await tx.get(Rectification, rectification_id, with_for_update=True)
    if row is None:
        raise NotFound
    acting_in(caller, [row.division_code], OPERATOR)
    if (await tx.get_one(Application, row.application_id)).person_id == caller.id:
        raise SecondPersonNeeded
    return row


async def _visible(tx: AsyncSession, caller: Caller, rectification_id: UUID, *staff_roles: str) -> Rectification:
    reached = visible(caller, Rectification.division_code, Rectification.provider_id, *staff_roles)
    query = select(Rectification).where(Rectification.id == rectification_id, reached)
    row: Rectification | None = await tx.scalar(query.with_for_update() if staff_roles else query)
    if row is None:
        raise NotFound
    return row
