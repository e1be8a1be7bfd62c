"""What the tables of this service share."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from chassis.db import service_metadata


class Base(DeclarativeBase):
    metadata = service_metadata()


async def lock(tx: AsyncSession, *names: object) -> None:
    """Let one transaction at a time work on something that is not (yet) a row; released when it ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("/".join(map(str, names)), 0))))
