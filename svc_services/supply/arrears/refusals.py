"""Why a step of a notice is refused."""

from chassis.problems import Problem


class ArrearsNoticeOpen(Problem):
    """An account has one notice at a time."""

    status, code = 409, "arrears_notice_open"


class TooManyArrearsNotices(Problem):
    """Each one is told to the people of the account."""

    status, code = 409, "too_many_arrears_notices"


class ArrearsNoticeOver(Problem):
    status, code = 409, "arrears_notice_over"


class ArrearsDeadlineRefused(Problem):
    status, code = 422, "arrears_deadline_refused"


class ArrearsNotChecked(Problem):
    """svc_payments has not said yet what is due."""

    status, code = 409, "arrears_not_checked"
    headers = {"Retry-After": "10"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class NothingDue(Problem):
    status, code = 409, "nothing_due"


class ArrearsTooLittle(Problem):
    """Nobody is cut off for so little."""

    status, code = 409, "arrears_too_little"


class CutOffDayOff(Problem):
    """Nobody is cut off on a day off, or on the day before one, when nobody can restore supply."""

    status, code = 409, "cut_off_day_off"


class ArrearsBeingPaid(Problem):
    status, code = 409, "arrears_being_paid"


class ArrearsHolderChanged(Problem):
    """Nobody is cut off for what a holder before them owes."""

    status, code = 409, "arrears_holder_changed"


class ArrearsDisputed(Problem):
    """Somebody of the account disputes a bill of the notice, and that is not decided."""

    status, code = 409, "arrears_disputed"


class ArrearsBillsPaid(Problem):
    """All bills of the notice were paid when it was opened."""

    status, code = 409, "arrears_bills_paid"


class ArrearsBillsUnknown(Problem):
    """None of the numbers is a bill of the account."""

    status, code = 409, "arrears_bills_unknown"


class ArrearsEarlierHolder(Problem):
    """A bill of the notice is for a month before the present holder."""

    status, code = 409, "arrears_earlier_holder"


class DeadlineNotOver(Problem):
    status, code = 409, "deadline_not_over"


class CutOffDayRefused(Problem):
    status, code = 422, "cut_off_day_refused"


class CutOffNotDue(Problem):
    """No cut-off was announced for today or the days before."""

    status, code = 409, "cut_off_not_due"


class NotCutOff(Problem):
    status, code = 409, "not_cut_off"
