"""Checks of reference data for the other rooms."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from svc_services.reference.models import Division


class UnknownDivision(Problem):
    status, code = 422, "unknown_division"


async def require_divisions(tx: AsyncSession, codes: Sequence[str]) -> None:
    """Refuse codes that are not divisions of the prefecture."""
    known = set(await tx.scalars(select(Division.code).where(Division.code.in_(codes))))
    if unknown := sorted(set(codes) - known):
        raise UnknownDivision(division_codes=unknown)
