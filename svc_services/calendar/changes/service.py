"""The calendar is changed by one operator's proposal and another's approval, and every change stays in the log."""

from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.problems import NotFound
from kit.staff.second_person import require_second_holder
from svc_services.base import lock
from svc_services.calendar.changes import schemas
from svc_services.calendar.changes.events import CalendarChanged, SpecialWorkingDay
from svc_services.calendar.changes.models import CalendarChange, CalendarChangeStatus
from svc_services.calendar.days.models import CalendarDay
from svc_services.calendar.days.queries import revision_of


async def propose(tx: AsyncSession, proposed_by: UUID, new: schemas.NewCalendarChange) -> schemas.CalendarChange:
    """Keep a change that another operator may approve."""
    change = CalendarChange(proposed_by=proposed_by, **new.model_dump(mode="json"))
    tx.add(change)
    await tx.flush()
    return shown(change)


async def approve(tx: AsyncSession, caller: Caller, change_id: UUID) -> schemas.CalendarChange:
    """Approve another operator's change; the worker then computes the promises of open cases anew."""
    change = await _locked(tx, change_id)
    await require_second_holder(tx, caller, change.proposed_by, since=change.proposed_at)
    await apply(tx, change, caller.id)
    return shown(change)


async def reject(tx: AsyncSession, caller: Caller, change_id: UUID) -> schemas.CalendarChange:
    change = await _locked(tx, change_id)
    change.decide(CalendarChangeStatus.REJECTED, caller.id)
    return shown(change)


async def apply(tx: AsyncSession, change: CalendarChange, by: UUID | None) -> None:
    """Write a change into the calendar, as its next revision."""
    await lock(tx, "calendar")
    change.decide(CalendarChangeStatus.APPROVED, by)
    with tx.no_autoflush:
        change.revision = await revision_of(tx) + 1
    tx.add(change)
    await tx.flush()
    days = [schemas.ChangedDay.model_validate(each) for each in change.days]
    if days:
        rows = [{**each.model_dump(), "revision": change.revision} for each in days]
        row = insert(CalendarDay).values(rows)
        said = {name: row.excluded[name] for name in ("working", "name", "revision")}
        await tx.execute(row.on_conflict_do_update(index_elements=[CalendarDay.day], set_=said))
    await emit(tx, _changed(change, change.revision, [(each.day, each.working) for each in days]))


def shown(change: CalendarChange) -> schemas.CalendarChange:
    same = ("year", "days", "completes_year", "reason", "status", "revision", "proposed_by", "proposed_at")
    decided = ("decided_by", "decided_at")
    return schemas.CalendarChange(change_id=change.id, **{name: getattr(change, name) for name in (*same, *decided)})


def _changed(change: CalendarChange, revision: int, days: list[tuple[date, bool]]) -> CalendarChanged:
    return CalendarChanged(
        year=change.year,
        revision=revision,
        change_id=change.id,
        days=[SpecialWorkingDay(day=day, working=working) for day, working in days],
        completes_year=change.completes_year,
    )


async def _locked(tx: AsyncSession, change_id: UUID) -> CalendarChange:
    change = await tx.get(CalendarChange, change_id, with_for_update=True)
    if change is None:
        raise NotFound
    return change
