from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from chassis.db import CHINA, service_metadata


class Base(DeclarativeBase):
    """Every table of svc_payments, the chassis tables included."""

    metadata = service_metadata()


async def database_time(tx: AsyncSession) -> datetime:
    """The one clock that every process of the service reads alike; it stands still for as long as a transaction."""
    return (await tx.scalars(select(func.now()))).one()


def today() -> date:
    """What day it is in China."""
    return datetime.now(CHINA).date()


def this_month() -> date:
    """The first day of the month that it is in China."""
    return today().replace(day=1)
