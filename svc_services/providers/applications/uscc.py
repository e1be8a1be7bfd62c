"""Unified social credit codes (GB 32100-2015)."""

import re

from stdnum.cn.uscc import calc_check_digit

from chassis.problems import Problem

# Registration authority and category, six digits of division, nine characters of organisation code, check character.
# Letters I, O, Z, S and V are not used. stdnum's own validate() wants digits in the first two places, which
# refuses rural collectives ("N2...") and others.
_SHAPE = re.compile("[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}")


class BadUscc(Problem):
    """`reason`: shape, check_character."""

    status, code = 422, "bad_uscc"


def normalised(written: str) -> str:
    """The code in upper case and without spaces.

    Raises:
        BadUscc: it is none.
    """
    uscc = "".join(written.split()).upper()
    if not _SHAPE.fullmatch(uscc):
        raise BadUscc(reason="shape")
    if calc_check_digit(uscc[:17]) != uscc[17]:
        raise BadUscc(reason="check_character")
    return uscc
