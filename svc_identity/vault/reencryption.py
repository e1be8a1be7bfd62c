"""`python -m svc_identity.vault.reencryption status | run`: encrypt what is stored with the key and cipher of now.

`run` works beside the service, in small transactions, and can be stopped and started at any time: what is left is what
the stored bytes say. A row that somebody else holds is left for the next turn.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import Column, LargeBinary, Table, func, select, type_coerce, update

from chassis.db import Database
from chassis.settings import load
from svc_identity.settings import Settings
from svc_identity.vault.encryption import HEADER_BYTES, Encrypted, current_header, use_keys_of
from svc_identity.vault.tables import columns_of_type

BATCH = 200
_PAUSE_SECONDS = 0.05


class Stored(NamedTuple):
    """How many values of a column begin with a header."""

    place: str
    header: bytes
    values: int

    def __str__(self) -> str:
        cipher = "sm4-gcm" if self.header[:1] == b"\x02" else "aes-256-gcm"
        current = "current" if self.header == current_header() else "old"
        return f"{self.place}: {self.values} by key {self.header[1:].hex()} ({cipher}, {current})"


def encrypted_columns() -> list[tuple[Table, Column[Any]]]:
    return [*columns_of_type(Encrypted)]


async def stored(database: Database) -> list[Stored]:
    """What is stored, by column and key."""
    found = []
    async with database.read() as tx:
        for table, column in encrypted_columns():
            header = func.substring(type_coerce(column, LargeBinary), 1, HEADER_BYTES)
            counted = select(header, func.count()).where(column.is_not(None)).group_by(header).order_by(header)
            found += [Stored(f"{table.name}.{column.name}", *row) for row in await tx.execute(counted)]
    return found


async def reencrypt(database: Database) -> int:
    """Encrypt anew what is not stored by the key and cipher of now; returns how many values were."""
    changed = 0
    for table, column in encrypted_columns():
        while count := await _batch(database, table, column):
            changed += count
            await asyncio.sleep(_PAUSE_SECONDS)
    return changed


async def _batch(database: Database, table: Table, column: Column[Any]) -> int:
    kind, raw = cast("Encrypted", column.type), type_coerce(column, LargeBinary)
    keys = list(table.primary_key.columns)
    old = func.substring(raw, 1, HEADER_BYTES) != current_header()
    due = select(*keys, raw.label("value")).where(column.is_not(None), old).limit(BATCH)
    async with database.transaction() as tx:
        rows = (await tx.execute(due.with_for_update(skip_locked=True))).all()
        for *identity, value in rows:
            clear = kind.process_result_value(value, None)
            same = [key == part for key, part in zip(keys, identity, strict=True)]
            await tx.execute(update(table).where(*same).values({column.name: clear}))
    return len(rows)


async def main(settings: Settings, command: str) -> int:
    """Exit codes: 0 only the current key is in use; 1 older ones are."""
    use_keys_of(settings)
    database = Database.of(settings)
    try:
        if command == "run":
            sys.stdout.write(f"{await reencrypt(database)} values are encrypted anew.\n")
        found = await stored(database)
    finally:
        await database.close()
    sys.stdout.writelines(f"{each}\n" for each in found)
    if any(each.header != current_header() for each in found):
        sys.stdout.write("Older keys are in use: keep them, and run again.\n")
        return 1
    sys.stdout.write("Only the first key is in use. Older ones can go; backups from before today still need them.\n")
    return 0


def run(arguments: Sequence[str]) -> int:
    if list(arguments) not in (["status"], ["run"]):
        sys.stderr.write("usage: python -m svc_identity.vault.reencryption status | run\n")
        return 2
    return asyncio.run(main(load(Settings), arguments[0]))


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
