"""Readings of a meter, which begins again at 0 after its highest one."""

import re
from decimal import Decimal

_DIGITS = re.compile(r"[1-9]")


def consumption(before: Decimal | None, after: Decimal | None, digits: int | None) -> Decimal | None:
    """What two readings come to, by the modulus of the meter where it began again between them.

    Args:
        before: the first reading.
        after: the second one.
        digits: how many digits the meter shows before its decimal point; without them no reading is lower than the
            one before it.
    """
    if before is None or after is None:
        return None
    if before <= after:
        return after - before
    return None if digits is None else after - before + 10**digits


def is_reading(before: str, after: str, digits: str, usage: str) -> bool:
    """Whether well-formed readings, either of which may be empty, are those of one meter.

    A second reading that is lower is the meter's second round if what it comes to is at most half a round, or is the
    usage that the bill states; otherwise the two were more likely exchanged, or the digits are another meter's.
    """
    if digits and not _DIGITS.fullmatch(digits):
        return False
    readings = [Decimal(reading) for reading in (before, after) if reading]
    round_of_meter = Decimal(10) ** int(digits) if digits else None
    if round_of_meter and any(reading >= round_of_meter for reading in readings):
        return False
    if sorted(readings) == readings:
        return True
    if round_of_meter is None:
        return False
    metered = readings[1] - readings[0] + round_of_meter
    return metered * 2 <= round_of_meter or metered == Decimal(usage)
