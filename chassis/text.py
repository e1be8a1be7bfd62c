"""Text that clients send: one line, trimmed, no invisible characters; languages; days and moments; header fields."""

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints

# Control and format characters, surrogates, private use, unassigned, line and paragraph separators: they cannot be
# stored (PostgreSQL has no U+0000), hide in a name, or turn the direction of the text around it.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def is_visible(value: str) -> bool:
    return not any(unicodedata.category(character) in _INVISIBLE for character in value)


def _visible(value: str) -> str:
    if not is_visible(value):
        raise ValueError("must not contain line breaks, control characters or invisible characters")
    return unicodedata.normalize("NFC", value)


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_visible)]
"""One line of text in Unicode NFC, without surrounding space; its user limits the length."""


_MOST_TAGS = 20
_TAG = re.compile(r"[a-z]{1,8}(-[a-z0-9]{1,8}){0,15}", re.IGNORECASE)
_RANGE = re.compile(r"([a-z0-9*-]+)(?:\s*;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?", re.IGNORECASE)


def nearest_tag(tag: str, known: AbstractSet[str]) -> str | None:
    """The known BCP 47 tag that fits best: by RFC 4647, 3.4, else the language in the script or region there is."""
    names = {each.lower(): each for each in sorted(known)}
    wanted = tag.lower() if _TAG.fullmatch(tag) else ""
    language = wanted.partition("-")[0]
    while wanted and wanted not in names:
        wanted = wanted.rpartition("-")[0]
    return names.get(wanted) or next((names[name] for name in names if name.partition("-")[0] == language), None)


def preferred_tag(accept_language: str, known: AbstractSet[str], default: str, ui_locales: str = "") -> str:
    """The best tag for OpenID Connect's `ui_locales`, then Accept-Language; malformed entries and `*` are skipped."""
    entries = (_RANGE.fullmatch(entry.strip()) for entry in accept_language.split(",", _MOST_TAGS)[:_MOST_TAGS])
    weighted = sorted(((float(entry[2] or 1), entry[1]) for entry in entries if entry), key=lambda pair: -pair[0])
    asked = [*ui_locales.split(maxsplit=_MOST_TAGS)[:_MOST_TAGS], *(tag for weight, tag in weighted if weight)]
    return next(filter(None, (nearest_tag(tag, known) for tag in asked)), default)


_NUMBER = re.compile(r"\s*[-+]?[0-9_.]*(e[-+]?[0-9]+)?\s*", re.IGNORECASE)


def _no_number(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise ValueError("must be a date or a time as in ISO 8601, not a number")
    return value


# Pydantic takes a number, also in a string, for seconds since 1970.
NO_NUMBER = BeforeValidator(_no_number)
Day = Annotated[date, NO_NUMBER]
Instant = Annotated[AwareDatetime, NO_NUMBER]


HeaderLine = tuple[bytes, bytes]
_ONE_VALUE = frozenset(
    b"authorization content-length content-type date from host idempotency-key if-modified-since if-range "
    b"if-unmodified-since max-forwards origin range referer user-agent x-request-id".split()
)


def one_line_each(lines: Iterable[HeaderLine]) -> tuple[list[HeaderLine], str]:
    """Each header field in one line, a list that comes in several too (RFC 9110, 5.3); and a field of two values."""
    fields: dict[bytes, bytes] = {}
    contradicted = b""
    for name, value in lines:
        if name not in fields:
            fields[name] = value
        elif name not in _ONE_VALUE:
            fields[name] += (b"; " if name == b"cookie" else b", ") + value
        elif fields[name] != value:
            contradicted = name
    return list(fields.items()), contradicted.decode("latin-1")
