"""Unified social credit codes (GB 32100-2015)."""

from chassis.problems import Problem
from kit.fields import uscc_fault


class BadUscc(Problem):
    """`reason`: shape, check_character."""

    status, code = 422, "bad_uscc"


def normalised(written: str) -> str:
    """The code in upper case and without spaces.

    Raises:
        BadUscc: it is none.
    """
    uscc = "".join(written.split()).upper()
    if fault := uscc_fault(uscc):
        raise BadUscc(reason=fault)
    return uscc
