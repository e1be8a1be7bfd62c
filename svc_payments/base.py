from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, TableValuedAlias, column, func, literal
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

from chassis.db import service_metadata
from kit.audit.models import add_trail


class Base(DeclarativeBase):
    """Every table of svc_payments, the chassis tables included."""

    metadata = service_metadata()


add_trail(Base.metadata)


def values_table(columns: Mapping[str, tuple[TypeEngine[Any], Sequence[Any]]]) -> TableValuedAlias:
    """Values as rows that a statement can read, in their order.

    One parameter for each column however many rows there are, so that the statement is prepared once for all sizes.
    """
    arrays = [literal(values, ARRAY(kind)) for kind, values in columns.values()]
    names = [column(name, kind) for name, (kind, _) in columns.items()]
    return func.unnest(*arrays).table_valued(*names, name="given").render_derived()
