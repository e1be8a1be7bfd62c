"""The clock of a complaint: that of supervision, and a yellow flag before it is over."""

from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import Calendar, today
from svc_services.calendar.days.queries import calendar_of
from svc_services.cases.applications.models import Flag
from svc_services.supervision import clocks
from svc_services.supervision.complaints.models import Complaint, ComplaintAction, ComplaintStatus

DECIDE_DAYS, HANDLE_DAYS, REVIEW_DAYS = 5, 15, 15
DISPUTE_DAYS = 15
"""Working days in which a complainant disputes an answer or a refusal."""
_LIMITS = {
    ComplaintStatus.FILED: DECIDE_DAYS,
    ComplaintStatus.HANDLING: HANDLE_DAYS,
    ComplaintStatus.DISPUTED: REVIEW_DAYS,
}


async def move(tx: AsyncSession, row: Complaint, action: ComplaintAction, status: ComplaintStatus) -> None:
    """Move a complaint; another step that needs work begins with a term of its own."""
    calendar = await calendar_of(tx)
    before = row.status
    clocks.settle(row, today(), calendar)
    row.take(action, status)
    if status in _LIMITS and status != before:
        start(row, calendar)
        return
    wind(row, calendar)
    if status in {ComplaintStatus.ANSWERED, ComplaintStatus.REFUSED} and status != before:
        row.dispute_until = calendar.after(today(), DISPUTE_DAYS)
    elif status not in {ComplaintStatus.ANSWERED, ComplaintStatus.REFUSED}:
        row.dispute_until = None


def start(row: Complaint, calendar: Calendar) -> None:
    """Begin the term of the status."""
    row.limit_days, row.dispute_until = _LIMITS[row.status], None
    row.consumed_days, row.counted_to, row.level = 0, today(), 0
    wind(row, calendar)


def wind(row: Complaint, calendar: Calendar) -> None:
    """Set the last day, the flag, the level, and the day to look again."""
    clocks.wind(row, calendar)
    yellow = -(-row.limit_days * 4 // 5)
    if not row.runs:
        row.flag = None
        return
    near = row.consumed_days >= yellow
    row.flag = Flag.RED if row.level else Flag.YELLOW if near else None
    if not near:
        row.look_at = calendar.after(row.counted_to, yellow - row.consumed_days)
