"""Unified social credit codes of organisations (GB 32100-2015)."""

import re
from typing import Literal

from stdnum.cn import uscc as gb32100

# Registration authority and category, six digits of division, nine characters of organisation code, check character;
# letters I, O, S, V and Z are not used. stdnum's own validate() wants digits in the first two places, which refuses
# rural collectives ("N2...") and others.
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")


def uscc_fault(code: str) -> Literal["shape", "check_character"] | None:
    """The fault of a code, given in capitals without spaces."""
    if not _USCC.fullmatch(code):
        return "shape"
    return None if gb32100.calc_check_digit(code[:-1]) == code[-1] else "check_character"
