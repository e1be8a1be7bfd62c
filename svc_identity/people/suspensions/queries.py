from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.people.suspensions.models import Suspension


def suspended_persons() -> Select[UUID | None]:
    """The persons who are suspended now."""
    return select(Suspension.person_id).where(Suspension.person_id.is_not(None), Suspension.lifted_at.is_(None))


def suspension_of(person_id: UUID) -> Select[UUID]:
    """The id of the suspension in which a person is now, if in one."""
    return select(Suspension.id).where(Suspension.person_id == person_id, Suspension.lifted_at.is_(None))


async def is_suspended(tx: AsyncSession, person_id: UUID) -> bool:
    return await tx.scalar(suspension_of(person_id)) is not None
