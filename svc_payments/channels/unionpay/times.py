"""UnionPay's times: in Beijing, to the second, and not always with a year."""

from datetime import datetime

from chassis.db import CHINA

_FORMAT = "%Y%m%d%H%M%S"
_MILLISECOND_DIGITS = 12
"""Of a UUIDv7 in hexadecimal, which begins with them."""


def beijing(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime(_FORMAT)


def begun_at(number: str) -> str:
    """The txnTime of an order or a refund: when its number was made.

    UnionPay identifies a transaction by number and time, so the time must be the same in every query, also after a
    crash. It is derived from the number and stored nowhere.

    Raises:
        ValueError: the number is not ours.
    """
    milliseconds = int(number[:_MILLISECOND_DIGITS], 16)
    return beijing(datetime.fromtimestamp(milliseconds / 1000, CHINA))


def with_year(trace_time: str, begun: str) -> datetime | None:
    """Complete a time without a year: the year in which it is closest to the transaction's beginning.

    Returns:
        None for a time that no year has.
    """
    start = datetime.strptime(begun, _FORMAT).replace(tzinfo=CHINA)
    moments = [_moment(f"{year:04}{trace_time}") for year in (start.year - 1, start.year, start.year + 1)]
    return min((moment for moment in moments if moment), key=lambda moment: abs(moment - start), default=None)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=CHINA)
    except ValueError:
        return None
