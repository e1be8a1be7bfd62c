"""What a bill says of its usage beside the one number, as one value of its row.

`peak=100;flat=80;valley=60;persons=5`: a measure or hour band with its quantity, or one of the names below.

    from, until                 the billed days, where they are not the billed month
    persons, area               of the household, in square metres
    empty_home, first_bill      yes
    count.secondary_card        how many there are
    read.2026-09-16.m3          used from the first day until the beginning of that day
    cold.2026-12-01             how many degrees the home was below the standard
    before.m3                   used this year before the billed days
    allowance_before.m3         used of an allowance this season before them
"""

import re
from datetime import date, timedelta
from typing import Any

from pydantic import ValidationError

from kit.tariffs.usage import Usage

LONGEST = 400
_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,47})=([0-9A-Za-z.-]{1,24})", re.ASCII)
_WHOLE = re.compile("0|[1-9][0-9]{0,3}", re.ASCII)
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DAYS = {"from": "first_day", "until": "last_day"}
_BY_MEASURE = {"before": "used_before", "allowance_before": "allowance_used_before"}


class UnreadableDetailsError(Exception):
    """They are not well-formed, contradict themselves, or are not of the billed month."""


def usage_stated(details: str, period: date) -> Usage:
    """The usage as the details have it; of a measure that is only read, what was read last.

    Args:
        details: as above; may be empty.
        period: the first day of the billed month.

    Raises:
        UnreadableDetailsError
    """
    values, last_read = values_stated(details, period), dict[str, str]()
    for reading in values["readings"]:
        last_read |= reading["used"]
    values["quantities"] = last_read | values["quantities"]
    try:
        usage = Usage.model_validate(values)
    except ValidationError as error:
        raise UnreadableDetailsError("not a usage") from error
    if usage.last_day < period or usage.first_day >= _following(period):
        raise UnreadableDetailsError("not of the billed month")
    return usage


def values_stated(details: str, period: date) -> dict[str, Any]:
    """The details as the fields of a usage, whose quantities and area may lack the bill's one number.

    Raises:
        UnreadableDetailsError: they are not well-formed.
    """
    if len(details) > LONGEST:
        raise UnreadableDetailsError("too long")
    last_day = _following(period) - timedelta(days=1)
    values: dict[str, Any] = {"first_day": f"{period}", "last_day": f"{last_day}", "quantities": {}}
    for name, value in _pairs(details):
        _put(values, name, value)
    values["readings"] = [{"day": day, "used": used} for day, used in sorted(values.get("readings", {}).items())]
    return values


def _following(period: date) -> date:
    return (period + timedelta(days=31)).replace(day=1)


def _pairs(details: str) -> list[tuple[str, str]]:
    pairs = [_PAIR.fullmatch(each.strip(" ")) for each in details.split(";") if each.strip(" ")]
    found = [pair.groups() for pair in pairs if pair]
    if len(found) < len(pairs) or len({name for name, _ in found}) < len(found):
        raise UnreadableDetailsError("must be name=value, each name once")
    return [(name, value) for name, value in found]


def _put(values: dict[str, Any], name: str, value: str) -> None:
    kind, _, of = name.partition(".")
    match kind, of:
        case (("from" | "until"), ""):
            values[_DAYS[kind]] = _day(value)
        case (("empty_home" | "first_bill"), ""):
            values[kind] = _yes(value)
        case "persons", "":
            values["persons"] = _whole(value)
        case "area", "":
            values["area"] = value
        case "count", _:
            values.setdefault("counts", {})[of] = _whole(value)
        case "cold", _:
            values.setdefault("cold_days", []).append({"day": _day(of), "degrees_below": value})
        case "read", _:
            day, _, measure = of.partition(".")
            values.setdefault("readings", {}).setdefault(_day(day), {})[measure] = value
        case (("before" | "allowance_before"), _):
            values.setdefault(_BY_MEASURE[kind], {})[of] = value
        case _, "":
            values["quantities"][kind] = value
        case _:
            raise UnreadableDetailsError(f"unknown: {kind}")


def _day(text: str) -> str:
    if not _DAY.fullmatch(text):
        raise UnreadableDetailsError("must be a day like 2026-01-31")
    return text


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise UnreadableDetailsError("must be a whole number")
    return int(text)


def _yes(text: str) -> bool:
    if text != "yes":
        raise UnreadableDetailsError("must be yes or left out")
    return True
