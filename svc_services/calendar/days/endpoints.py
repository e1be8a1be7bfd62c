from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import anyone
from chassis.db import ReadTx
from kit.calendar import is_weekday
from kit.etags import NOT_MODIFIED, cacheable
from svc_services.calendar.days import schemas
from svc_services.calendar.days.models import CalendarDay
from svc_services.calendar.days.notes import BY_WEEKDAYS
from svc_services.calendar.days.queries import calendar_of

router = APIRouter(prefix="/services/v1/calendars", tags=["calendar"])
_public = [
    Depends(anyone(because="which days are working days is public")),
]
_MINUTE = 60
Year = Annotated[int, Path(ge=2000, le=2100)]


@router.get("/{year}", dependencies=_public, response_model=schemas.CalendarYear, responses=NOT_MODIFIED)
async def get_calendar(request: Request, tx: ReadTx, year: Year) -> Response:
    """Get the working days of a year: its holidays and make-up days.

    A year whose holidays are not published yet has Monday to Friday, and a note that says so.
    """
    return cacheable(request, await _shown(tx, year), seconds=_MINUTE)


async def _shown(tx: AsyncSession, year: int) -> schemas.CalendarYear:
    calendar, first, last = await calendar_of(tx), date(year, 1, 1), date(year, 12, 31)
    days = await tx.scalars(select(CalendarDay).where(CalendarDay.day.between(first, last)).order_by(CalendarDay.day))
    return schemas.CalendarYear(
        year=year,
        revision=calendar.revision,
        complete=calendar.knows(first),
        calendar_note=None if calendar.knows(first) else BY_WEEKDAYS,
        working_days=calendar.between(first - timedelta(days=1), last),
        days=[schemas.SpecialDay.model_validate(each, from_attributes=True) for each in days if _differs(each)],
    )


def _differs(special: CalendarDay) -> bool:
    return special.working != is_weekday(special.day)
