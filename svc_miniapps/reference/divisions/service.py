from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from svc_miniapps.reference.divisions.models import Division


class UnknownDivision(Problem):
    status, code = 422, "unknown_division"


async def require_division(tx: AsyncSession, code: str) -> None:
    if await tx.get(Division, code) is None:
        raise UnknownDivision
