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

    It is a part of the name that UnionPay knows a transaction by, so it has to be the same whenever we ask, also after
    a crash: it is not kept anywhere, because it stands in the number.

    Raises:
        ValueError: the number is none of ours.
    """
    milliseconds = int(number[:_MILLISECOND_DIGITS], 16)
    return beijing(datetime.fromtimestamp(milliseconds / 1000, CHINA))


def with_year(trace_time: str, begun: str) -> datetime | None:
    """A time that was said without its year, of a transaction that began at another: the year in which they are close.

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
