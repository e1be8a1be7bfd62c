"""What stands in a message: lines without addresses and phone numbers, so that nothing leads out of the app."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator

from chassis.text import Line
from svc_miniapps.runtime.templates.models import FieldKind

LONGEST_WORD, LONGEST_CODE = 20, 32
_LEADS_OUT = re.compile(r"[/\\@<>]|\b[\w-]+\.[A-Za-z]{2,}|\d(?:[ .-]?\d){6,}")
"""An address of the web or of mail, or a number that can be called."""
_PATTERNS: Mapping[FieldKind, re.Pattern[str]] = {
    FieldKind.CODE: re.compile(r"[A-Za-z0-9-]{1,32}"),
    FieldKind.NUMBER: re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,2})?"),
    FieldKind.AMOUNT: re.compile(r"[0-9]{1,9}\.[0-9]{2}"),
    FieldKind.DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    FieldKind.TIME: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})"),
}


def leads_out(text: str) -> bool:
    return _LEADS_OUT.search(text) is not None


def _leads_nowhere(text: str) -> str:
    if leads_out(text):
        raise ValueError("must not contain addresses or phone numbers")
    return text


PlainLine = Annotated[Line, AfterValidator(_leads_nowhere)]


def fits(field: Mapping[str, Any], value: str) -> bool:
    """Whether a value is of the kind and the length that its field has."""
    kind = FieldKind(field["kind"])
    if len(value) > field["max_length"]:
        return False
    if kind == FieldKind.WORD:
        return not leads_out(value)
    return _PATTERNS[kind].fullmatch(value) is not None and _is_a_day(kind, value)


def _is_a_day(kind: FieldKind, value: str) -> bool:
    try:
        if kind == FieldKind.DATE:
            date.fromisoformat(value)
        elif kind == FieldKind.TIME:
            datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
