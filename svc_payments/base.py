from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, TableValuedAlias, column, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

from chassis.db import CHINA, service_metadata


class Base(DeclarativeBase):
    """Every table of svc_payments, the chassis tables included."""

    metadata = service_metadata()


async def database_time(tx: AsyncSession) -> datetime:
    """The one clock that every process of the service reads alike; it stands still for as long as a transaction."""
    return (await tx.scalars(select(func.now()))).one()


def values_table(columns: Mapping[str, tuple[TypeEngine[Any], Sequence[Any]]]) -> TableValuedAlias:
    """Values as rows that a statement can read, in their order.

    One parameter for each column however many rows there are, so that the statement is prepared once for all sizes.
    """
    arrays = [literal(values, ARRAY(kind)) for kind, values in columns.values()]
    names = [column(name, kind) for name, (kind, _) in columns.items()]
    return func.unnest(*arrays).table_valued(*names, name="given").render_derived()


def today() -> date:
    """What day it is in China."""
    return datetime.now(CHINA).date()


def this_month() -> date:
    """The first day of the month that it is in China."""
    return today().replace(day=1)
