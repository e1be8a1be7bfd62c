"""Who reads what supervision is about: staff of the division, and the people of the company concerned."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy import ColumnElement, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from chassis.auth import Caller, allow
from kit.staff.reach import divisions_of
from svc_services.callers import AUDITOR, OPERATOR
from svc_services.cases.workflows.definition import Actor
from svc_services.providers.applications.models import Provider
from svc_services.providers.own_company.service import ADMIN, own_providers
from svc_services.providers.own_company.service import OPERATOR as COMPANY_OPERATOR

CLERK = Actor.CLERK.value
STAFF, COMPANY = (OPERATOR, CLERK, AUDITOR), (ADMIN, COMPANY_OPERATOR)
RATED = (CLERK, *COMPANY)
"""Whose work is rated, and whom supervision orders are addressed to."""
Reader = Annotated[Caller, Depends(allow(scope="staff", role=(*STAFF, *COMPANY)))]
Rated = Annotated[Caller, Depends(allow(scope="staff", role=RATED))]


def visible(
    caller: Caller,
    division_code: InstrumentedAttribute[str],
    provider_id: InstrumentedAttribute[UUID],
    *staff_roles: str,
) -> ColumnElement[bool]:
    """Which rows a caller reaches by these roles of staff, or as one of the company's people."""
    held = divisions_of(caller, *(staff_roles or STAFF))
    by_division = true() if held is None else division_code.in_(sorted(held))
    own = own_providers(caller, *COMPANY).with_only_columns(Provider.id)
    return or_(by_division, provider_id.in_(own))
