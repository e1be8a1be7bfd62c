"""Who may call: access rules that several slices share."""

from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from chassis.auth import Caller, allow
from chassis.problems import preferred_language
from kit.staff.reach import divisions_of

OPERATOR, AUDITOR, SECURITY_OFFICER = "operator", "auditor", "security_officer"
only_operators = allow(scope="staff", role=OPERATOR)
Operator = Annotated[Caller, Depends(only_operators)]
Resident = Annotated[Caller, Depends(allow(scope="accounts", assurance_level=2))]


async def _language(request: Request, response: Response) -> str:
    language = preferred_language(request.headers.get("accept-language", ""))
    response.headers.update({"Content-Language": language, "Vary": "Accept-Language"})
    return language


Language = Annotated[str, Depends(_language)]


def in_reach(caller: Caller, division_codes: InstrumentedAttribute[list[str]]) -> ColumnElement[bool]:
    """Which companies an operator or auditor reads about: those that serve only divisions of theirs."""
    held = divisions_of(caller, OPERATOR, AUDITOR)
    return true() if held is None else division_codes.contained_by(sorted(held))
