"""The second operator of a step that needs two: person, grant chain and time, by roles that reach the division."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from kit.approvals import require_second_person
from kit.staff.refusals import NotIndependent
from svc_identity.organisations import operators
from svc_identity.organisations.models import Role
from svc_identity.organisations.role_changes import refusals
from svc_identity.organisations.role_changes.independence import are_independent


async def require_second_operator(
    tx: AsyncSession,
    second: UUID,
    first: UUID | None,
    *,
    cooling_off: timedelta,
    reaching: str | None,
    proposed_at: datetime | None = None,
    roles: Sequence[str] = (Role.OPERATOR,),
) -> None:
    """Refuse an operator who cannot be the second person.

    Args:
        tx: of the service.
        second: who approves, and reaches the division.
        first: who took the first step; None where no person did.
        cooling_off: how long the second one must have had a role that reaches the division.
        reaching: the division concerned; None where any operator may act.
        proposed_at: given where the step ends with the role of operator by which it was proposed.
        roles: by one of which both act.

    Raises:
        SecondPersonNeeded, NotIndependent, ProposerNoLongerOperator, RoleTooNew
    """
    require_second_person(second, first)
    if first and not await are_independent(tx, first, second, reaching=reaching, roles=roles):
        raise NotIndependent
    if first and proposed_at and not await operators.still_operator(tx, first, since=proposed_at, reaching=reaching):
        raise refusals.ProposerNoLongerOperator
    refusals.require_cooled_off(await operators.held_since(tx, second, reaching=reaching, roles=roles), cooling_off)
