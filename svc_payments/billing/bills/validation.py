"""Validation of a single row: its values normalised and checked, or its first fault from the left."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from chassis.text import Line
from kit.fields.customer_parameters import CustomerParameters, canonical
from svc_payments.billing.bills.meters import is_reading
from svc_payments.billing.bills.models import STATED_REASONS
from svc_payments.billing.bills.reasons import Reason
from svc_payments.billing.bills.usage_details import UnreadableDetailsError, usage_stated

COLUMNS = ("bill_number", "account_number", "period", "usage", "amount", "due_date", "meter_from", "meter_to")
MORE_COLUMNS = (
    *("expires_on", "supersedes", "reason", "customer_class", "unit", "tariff_id", "meter_digits"),
    *("usage_details", "note"),
)
"""Optional columns."""
LARGEST_AMOUNT_YUAN = 1_000_000
LONGEST_NOTE = 200
_LATEST_DUE_YEARS = 2
_LATEST_EXPIRY_YEARS = 10

QUANTITY = r"[0-9]{1,9}(?:\.[0-9]{1,3})?"
_BILL_NUMBER = re.compile(r"[A-Za-z0-9-]{1,32}")
_PERIOD = re.compile(r"[0-9]{4}-[0-9]{2}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_USAGE = re.compile(QUANTITY)
_AMOUNT = re.compile(r"-?[0-9]+(?:\.[0-9]{1,2})?")
_NOTE = TypeAdapter(Line)
_CUSTOMER_CLASS = re.compile(r"[a-z][a-z0-9_]{0,39}")
_UNIT = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_TARIFF_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# What NFKC makes of the full-width forms and of the two wide spaces.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xA0: 0x20}


class CheckedRow(NamedTuple):
    """A row without fault, each value as PostgreSQL reads it; an empty one is none."""

    bill_number: str
    account_number: str
    period: str
    usage: str
    amount_fen: str
    due_date: str
    meter_from: str
    meter_to: str
    expires_on: str = ""
    supersedes: str = ""
    reason: str = ""
    customer_class: str = ""
    unit: str = ""
    tariff_id: str = ""
    meter_digits: str = ""
    usage_details: str = ""
    note: str = ""


def checked(
    values: Sequence[str], this_month: date, numbers: CustomerParameters | None, names: Sequence[str] = COLUMNS
) -> CheckedRow | Reason:
    """The row in these columns, or its first fault from the left.

    Args:
        values: the columns of the row.
        this_month: the first day of the last month that is not in the future.
        numbers: what the provider's account numbers look like; None where the number is on record already.
        names: what the columns are; the eight of COLUMNS, and then others.
    """
    if len(values) != len(names):
        return Reason.WRONG_COLUMN_COUNT
    number, account, period, usage, amount, due_date, before, after = map(normalised, values[: len(COLUMNS)])
    more = dict(zip(names[len(COLUMNS) :], values[len(COLUMNS) :], strict=True))
    more = {name: (_line if name == "note" else normalised)(more[name]) for name in MORE_COLUMNS if name in more}
    account = canonical(account)
    fault = (
        (None if _BILL_NUMBER.fullmatch(number) else Reason.BAD_BILL_NUMBER)
        or (_account_fault(account, numbers) if numbers else None)
        or (period_fault(period, this_month) if _PERIOD.fullmatch(period) else Reason.BAD_PERIOD)
        or (None if _USAGE.fullmatch(usage) else Reason.BAD_USAGE)
        or _amount_fault(amount)
        or (due_date_fault(due_date, period) if _DAY.fullmatch(due_date) else Reason.BAD_DUE_DATE)
        or _meter_fault(before, after, more.get("meter_digits", ""), usage)
    )
    if fault:
        return fault
    if fault := _fault_in_more(more, period, due_date, number):
        return fault
    amount_fen = str(int(Decimal(amount) * 100))
    return CheckedRow(number, account, f"{period}-01", usage, amount_fen, due_date, before, after, **more)


def normalised(value: str) -> str:
    return (value if value.isascii() else value.translate(_NARROW)).strip(" \t")


def _account_fault(account: str, numbers: CustomerParameters) -> Reason | None:
    match numbers.fault(account):
        case "shape":
            return Reason.BAD_ACCOUNT_NUMBER
        case "check_digit":
            return Reason.BAD_ACCOUNT_CHECK_DIGIT
        case None:
            return None


# A file has a million rows and a handful of dates. Only what looks like a date is remembered.
@lru_cache(maxsize=1_024)
def period_fault(period: str, this_month: date) -> Reason | None:
    """The fault of a period that is written as YYYY-MM."""
    try:
        month = date.fromisoformat(f"{period}-01")
    except ValueError:
        return Reason.BAD_PERIOD
    return Reason.FUTURE_PERIOD if month > this_month else None


@lru_cache(maxsize=1_024)
def due_date_fault(due_date: str, period: str) -> Reason | None:
    """The fault of a due date that is written as YYYY-MM-DD, in a row whose period is right."""
    begins = date.fromisoformat(f"{period}-01")
    latest = begins.replace(year=begins.year + _LATEST_DUE_YEARS)
    try:
        return None if begins <= date.fromisoformat(due_date) <= latest else Reason.BAD_DUE_DATE
    except ValueError:
        return Reason.BAD_DUE_DATE


def _amount_fault(amount: str) -> Reason | None:
    if not _AMOUNT.fullmatch(amount):
        return Reason.BAD_AMOUNT
    if Decimal(amount) <= 0:
        return Reason.AMOUNT_NOT_POSITIVE
    return Reason.AMOUNT_TOO_LARGE if Decimal(amount) > LARGEST_AMOUNT_YUAN else None


def _meter_fault(before: str, after: str, digits: str, usage: str) -> Reason | None:
    well_formed = all(_USAGE.fullmatch(reading) for reading in (before, after) if reading)
    return None if well_formed and is_reading(before, after, digits, usage) else Reason.BAD_METER_READING


def _fault_in_more(more: dict[str, str], period: str, due_date: str, bill_number: str) -> Reason | None:
    expires_on, supersedes = more.get("expires_on"), more.get("supersedes")
    if expires_on and not _is_expiry(expires_on, due_date):
        return Reason.BAD_EXPIRY
    if supersedes and (not _BILL_NUMBER.fullmatch(supersedes) or supersedes == bill_number):
        return Reason.BAD_SUPERSEDES
    if more.get("reason") and more["reason"] not in STATED_REASONS:
        return Reason.BAD_REASON
    for name, shape in (("customer_class", _CUSTOMER_CLASS), ("unit", _UNIT), ("tariff_id", _TARIFF_ID)):
        if more.get(name) and not shape.fullmatch(more[name]):
            return Reason.BAD_TARIFF
    if more.get("usage_details") and not _are_details(more["usage_details"], period):
        return Reason.BAD_USAGE_DETAILS
    return Reason.BAD_NOTE if len(more.get("note", "")) > LONGEST_NOTE else None


def _are_details(details: str, period: str) -> bool:
    try:
        usage_stated(details, date.fromisoformat(f"{period}-01"))
    except UnreadableDetailsError:
        return False
    return True


def _is_expiry(expires_on: str, due_date: str) -> bool:
    """Whether this is a day from the due date on, and at most ten years after it."""
    if not _DAY.fullmatch(expires_on):
        return False
    due = date.fromisoformat(due_date)
    try:
        return due <= date.fromisoformat(expires_on) and int(expires_on[:4]) <= due.year + _LATEST_EXPIRY_YEARS
    except ValueError:
        return False


def _line(note: str) -> str:
    """The note as one line; too long a one when it is none."""
    try:
        return _NOTE.validate_python(note) if note.strip() else ""
    except ValidationError:
        return " " * (LONGEST_NOTE + 1)
