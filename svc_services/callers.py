"""Who may call: access rules that several slices share."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from chassis.auth import Caller, allow
from kit.staff.reach import divisions_of

OPERATOR, AUDITOR, SECURITY_OFFICER = "operator", "auditor", "security_officer"
only_operators = allow(scope="staff", role=OPERATOR)
Operator = Annotated[Caller, Depends(only_operators)]
Resident = Annotated[Caller, Depends(allow(scope="accounts", assurance_level=2))]


def in_reach(caller: Caller, division_codes: InstrumentedAttribute[list[str]]) -> ColumnElement[bool]:
    """Which companies an operator or auditor reads about: those that serve only divisions of theirs."""
    held = divisions_of(caller, OPERATOR, AUDITOR)
    return true() if held is None else division_codes.contained_by(sorted(held))
