"""What the number formats of a workbook say about numbers: which are days, which were typed with leading zeros."""

import re
from collections.abc import Iterator, Mapping
from enum import Enum

from svc_payments.billing.files.workbooks.markup import elements

# Built in (ECMA-376, 18.8.30), with those of Chinese, Japanese and Korean programs.
_DAYS = {*range(14, 18), 22, *range(27, 37), *range(50, 59)}
_SCIENTIFIC = {11, 48}
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]')
_DAY_LETTERS = re.compile(r"[yd]", re.IGNORECASE)
_ZEROS = re.compile(r"0{1,15}")
_GENERAL, _WHOLE = 0, 1
_PLAIN = re.compile(r"General|G/通用格式", re.IGNORECASE)
_EXPONENT = re.compile(r"[0#?.]E[+-]", re.IGNORECASE)


class Form(Enum):
    DAY = "day"
    SCIENTIFIC = "scientific"
    OTHER = "other"
    """In a way that shows other characters than the digits of the number: zeros, signs, blanks."""


Style = Form | int | None
"""How a number is shown: in a form, filled with zeros to so many digits, or (None) just as it is."""


def styles_in(pieces: Iterator[bytes]) -> list[Style]:
    """The style that each number in a cell's `s` attribute means."""
    codes: dict[int, str] = {}
    found: list[Style] = []
    section = ""
    for name, attributes in elements(pieces):
        if name in {"numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"}:
            section = name
        elif name == "numFmt" and section == "numFmts":
            codes[_number(attributes)] = attributes.get("formatCode", "")
        elif name == "xf" and section == "cellXfs":
            found.append(_style(attributes, codes))
    return found


def _number(attributes: Mapping[str, str]) -> int:
    number = attributes.get("numFmtId", "0")
    return int(number) if number.isascii() and number.isdecimal() else _GENERAL


def _style(attributes: Mapping[str, str], codes: Mapping[int, str]) -> Style:
    known = _number(attributes)
    if known in codes:
        return _style_of(codes[known])
    if known in {_GENERAL, _WHOLE}:
        return None
    return Form.DAY if known in _DAYS else Form.SCIENTIFIC if known in _SCIENTIFIC else Form.OTHER


def _style_of(code: str) -> Style:
    if _ZEROS.fullmatch(code):
        return len(code)
    # The first section is the one for numbers above zero.
    bare = _NOT_FORMAT.sub("", code).partition(";")[0]
    if _EXPONENT.search(bare):
        return Form.SCIENTIFIC
    return Form.DAY if _DAY_LETTERS.search(bare) else None if _PLAIN.fullmatch(code) else Form.OTHER
