"""Whether somebody else holds the role of clerk, by what svc_identity's events said."""

from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from kit.fields.divisions import WHOLE
from kit.staff.models import staff_roles
from svc_services.cases.workflows.definition import Actor


class NotAClerkThere(Problem):
    """The person holds no role of clerk that reaches the division of the case."""

    status, code = 422, "not_a_clerk_there"


async def is_clerk(tx: AsyncSession, person_id: UUID, division_code: str) -> bool:
    held = exists().where(
        staff_roles.c.person_id == person_id,
        staff_roles.c.role == Actor.CLERK.value,
        staff_roles.c.granted_at.is_not(None),
        staff_roles.c.ended_at.is_(None),
        or_(staff_roles.c.division_code.is_(None), staff_roles.c.division_code.in_((division_code, WHOLE))),
    )
    return bool(await tx.scalar(select(held)))
