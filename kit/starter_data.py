"""Reference data that a service starts with, loaded again after any change of it."""

import csv
from pathlib import Path
from typing import cast

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase


async def upsert_csv(tx: AsyncSession, model: type[DeclarativeBase], path: Path) -> int:
    """Load a CSV whose header names columns of the model; existing rows are updated.

    Returns the number of rows in the file.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, str | None]] = [
            {column: value or None for column, value in row.items()} for row in csv.DictReader(file)
        ]
    table = cast("Table", model.__table__)  # every mapped class here has a table
    keys = list(table.primary_key.columns)
    statement = insert(table).values(rows)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in {key.name for key in keys}}
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))
    return len(rows)
