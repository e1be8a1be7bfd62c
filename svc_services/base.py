"""What the tables of this service share."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from chassis.db import service_metadata
from kit.audit.models import add_trail
from kit.ended.models import add_ended_access
from kit.staff.models import add_staff_roles


class Base(DeclarativeBase):
    metadata = service_metadata()


add_trail(Base.metadata)
add_staff_roles(Base.metadata)
add_ended_access(Base.metadata)


async def lock(tx: AsyncSession, *names: object) -> None:
    """Lock something that is not a row (yet), until the transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("/".join(map(str, names)), 0))))
