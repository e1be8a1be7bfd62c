from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from chassis.db import service_metadata


class Base(DeclarativeBase):
    """Every table of svc_payments, the chassis tables included."""

    metadata = service_metadata()


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """The constraint of a text column that holds an enumeration."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(value.value) for value in values)})", name=f"{column}_known")


async def database_time(tx: AsyncSession) -> datetime:
    """The one clock that every process of the service reads alike; it stands still for as long as a transaction."""
    return (await tx.scalars(select(func.now()))).one()
