from collections.abc import Collection, Mapping
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, Table, TableValuedAlias, any_, bindparam, column, func
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

from chassis.db import service_metadata
from kit.audit.models import add_trail
from kit.changed_days import add_changed_days
from kit.ended.models import add_ended_access
from kit.staff.models import add_staff_roles

_PREFIX = "given_"
"""Apart from the names of columns, which an UPDATE takes for its own parameters."""


class Base(DeclarativeBase):
    """Every table of svc_payments, the chassis tables included."""

    metadata = service_metadata()


add_trail(Base.metadata)
add_staff_roles(Base.metadata)
add_changed_days(Base.metadata)
add_ended_access(Base.metadata)


def given_table(kinds: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Values as rows that a statement can read, in their order: it is executed with `given` lists of them.

    One parameter for each column however many rows there are, so that the statement is built, compiled and prepared
    once for all sizes.
    """
    arrays = [bindparam(_PREFIX + name, type_=ARRAY(kind)) for name, kind in kinds.items()]
    names = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*names, name="given").render_derived()


def any_given(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Any of the values in a `given` list of this name; it may be one of a `given_table` too."""
    return any_(bindparam(_PREFIX + name, type_=ARRAY(kind)))


def table_of(model: type[Base]) -> Table:
    """For statements that change rows: of a mapped class, the session would look for values of its attributes."""
    return cast("Table", model.__table__)


def given(**lists: Collection[Any]) -> dict[str, list[Any]]:
    """The parameters of a statement with `given_table` or `any_given`."""
    return {_PREFIX + name: list(values) for name, values in lists.items()}
