"""The columns that the vault protects, of all rooms: a command finds them however little of the service it imports."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table

from svc_identity.base import Base

_ROOT = Path(__file__).parents[2]


def columns_of_type(kind: type) -> Iterator[tuple[Table, Column[Any]]]:
    """The columns whose type is of this class, table by table."""
    for models in sorted((_ROOT / "svc_identity").rglob("models.py")):
        import_module(".".join(models.relative_to(_ROOT).with_suffix("").parts))
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, kind):
                yield table, column
