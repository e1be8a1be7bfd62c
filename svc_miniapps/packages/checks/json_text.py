"""JSON that all readers understand alike, and that PostgreSQL can store; what keeps it from that, by its true cause."""

import json
import math
import re
from collections.abc import Mapping

from kit.json_members import DuplicateMemberError, members

MAX_DEPTH = 32
MAX_VALUES = 5_000
"""Numbers, texts, lists and objects together; each may be a fault, which takes more room than what is at fault."""
EXACT = 2**53
"""Beyond it, readers with floating-point numbers see another number."""
_NUMBER_DIGITS = 17
_NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")  # as JSON writes the character, not a backslash followed by u0000


class JsonFaultError(ValueError):
    """What is wrong, by the end of its finding's code, with the values for its text."""

    def __init__(self, kind: str, **values: object) -> None:
        super().__init__(kind)
        self.kind = kind
        self.values: Mapping[str, object] = values


def read_json(content: bytes, max_values: int = MAX_VALUES) -> object:
    """The value of a JSON text.

    Raises:
        JsonFaultError
    """
    if content.startswith(b"\xef\xbb\xbf"):
        raise JsonFaultError("byte_order_mark")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonFaultError("not_utf8") from None
    value = _parsed(text)
    if not _is_shallow(value, MAX_DEPTH):
        raise JsonFaultError("too_deep", limit=MAX_DEPTH)
    if _count(value) > max_values:
        raise JsonFaultError("too_many_values", limit=max_values)
    if not _is_storable(value):
        raise JsonFaultError("impossible_value")
    return value


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=members, parse_int=_integer, parse_float=_float)
    except DuplicateMemberError as error:
        raise JsonFaultError("duplicate_member", name=str(error)) from None
    except json.JSONDecodeError as error:
        raise JsonFaultError("not_json", line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise JsonFaultError("too_deep", limit=MAX_DEPTH) from None


def _integer(digits: str) -> int:
    # Thousands of digits are told by their length: to read them would take long, and Python refuses to.
    if len(digits) > _NUMBER_DIGITS or abs(value := int(digits)) > EXACT:
        raise JsonFaultError("number_too_large", digits=digits[:_NUMBER_DIGITS])
    return value


def _float(digits: str) -> float:
    """NaN and infinity are found later; a number beyond 2^53 that is written otherwise is still beyond it."""
    value = float(digits)
    if math.isfinite(value) and abs(value) > EXACT:
        raise JsonFaultError("number_too_large", digits=digits[:_NUMBER_DIGITS])
    return value


def _is_shallow(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in inner)


def _count(value: object) -> int:
    if not isinstance(value, dict | list):
        return 1
    return 1 + sum(map(_count, value.values() if isinstance(value, dict) else value))


def _is_storable(value: object) -> bool:
    """No NaN or infinity, no half of a surrogate pair, no U+0000."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:  # and UnicodeEncodeError
        return False
    return not _NUL.search(text)
