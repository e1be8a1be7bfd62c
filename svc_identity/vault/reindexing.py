"""Brings blind indexes to the key of what is written, value by value, in every column that has the value at once."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, bindparam, case, func, select, type_coerce, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from chassis.db import Database
from svc_identity.vault.blind_indexes import DIGEST_BYTES, BlindIndex, Index, known_keys, lock_of, oldest_key_id
from svc_identity.vault.models import BlindIndexKey
from svc_identity.vault.tables import columns_of_type


class KeyMissing(Exception):  # noqa: N818 - a fault of the settings
    """Says which key is missing, in a sentence."""

    def __init__(self, key_ids: Iterable[bytes]) -> None:
        listed = ", ".join(sorted(each.hex() for each in key_ids))
        super().__init__(
            f"Phones and ID numbers are stored under the index key {listed}, which MYILI_BLIND_INDEX_KEYS does not "
            "list: add it again, until `python -m svc_identity.index_rotation status` says that it can go."
        )


class Stored(NamedTuple):
    """How many values of a column are stored under a key."""

    place: str
    prefix: bytes
    values: int

    def __str__(self) -> str:
        return f"{self.place}: {self.values} under key {self.key_id.hex()} ({'current' if self.is_current else 'old'})"

    @property
    def key_id(self) -> bytes:
        return self.prefix or oldest_key_id()

    @property
    def is_current(self) -> bool:
        return self.prefix == known_keys()[0].prefix


def prefix_of(column: Column[Any]) -> ColumnElement[bytes]:
    """With which a stored index begins; empty under the oldest key."""
    raw = type_coerce(column, LargeBinary)
    return func.substring(raw, 1, func.length(raw) - DIGEST_BYTES, type_=LargeBinary)


def is_old(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether a row has an index there under another key than that of what is written. An erased one has no key."""
    raw = type_coerce(column, LargeBinary)
    current = known_keys()[0].prefix
    # Told by the length first: `substring` refuses what is shorter than a hash.
    other_length = func.length(raw) != len(current) + DIGEST_BYTES
    other_key = func.substring(raw, 1, len(current)) != current if current else None
    other = other_length if other_key is None else case((other_length, True), else_=other_key)
    return column.is_not(None) & (func.length(raw) > 0) & other


async def stored(database: Database) -> list[Stored]:
    """What is stored, by column and key."""
    found = []
    async with database.read() as tx:
        for table, column in columns_of_type(BlindIndex):
            raw = type_coerce(column, LargeBinary)
            prefix = case((func.length(raw) >= DIGEST_BYTES, prefix_of(column)), else_=None)
            counted = select(prefix, func.count()).where(column.is_not(None), func.length(raw) > 0)
            found += [Stored(f"{table.name}.{column.name}", *row) for row in await tx.execute(counted.group_by(prefix))]
    return found


async def settle(tx: AsyncSession, *indexes: Index) -> None:
    """Make ready for writing these indexes: lock their values and move their rows to the key of what is written.

    With one key there is nothing to do. The lock lasts until the transaction ends, so that nobody else can write the
    same value under another key meanwhile, and what is unique stays so.
    """
    moving = [each for each in indexes if each.others]
    for number in sorted({lock_of(each) for each in moving}):
        await tx.execute(select(func.pg_advisory_xact_lock(number)))
    await move(tx, moving)


async def move(tx: AsyncSession, indexes: Sequence[Index]) -> None:
    """Move the rows of locked values to the key of what is written, in every table."""
    pairs = [
        {"place": index.place, "was": other, "becomes": bytes(index)} for index in indexes for other in index.others
    ]
    if not pairs:
        return
    await tx.flush()
    # A trigger ends what rests on a phone when the phone is another one; here it stays the same.
    await tx.execute(select(func.set_config("myili.reindexing", "on", True)))
    for table, column in columns_of_type(BlindIndex):
        of_place = [each for each in pairs if each["place"] == getattr(column.type, "of", "")]
        if of_place:
            await _move_column(tx, table, column, of_place)
    await tx.execute(select(func.set_config("myili.reindexing", "off", True)))


async def _move_column(tx: AsyncSession, table: Table, column: Column[Any], pairs: Sequence[dict[str, Any]]) -> None:
    raw = type_coerce(column, LargeBinary)
    moved = update(table).where(raw == bindparam("was", type_=LargeBinary)).values({column.name: bindparam("becomes")})
    connection = await tx.connection()
    await connection.execute(moved, [{"was": each["was"], "becomes": each["becomes"]} for each in pairs])


async def require_keys(database: Database) -> None:
    """Record the key of what is written, and check that this process knows every other one that rows need.

    Raises:
        KeyMissing
    """
    known = {each.id for each in known_keys()}
    async with database.transaction() as tx:
        needed = set(await tx.scalars(select(BlindIndexKey.key_id))) or await _oldest_where_used(tx)
        if missing := needed - known:
            raise KeyMissing(missing)
        await tx.execute(insert(BlindIndexKey).values(key_id=known_keys()[0].id).on_conflict_do_nothing())


async def _oldest_where_used(tx: AsyncSession) -> set[bytes]:
    """What is needed before any key was recorded: the oldest, where there are rows."""
    indexes = [type_coerce(column, LargeBinary) for _, column in columns_of_type(BlindIndex)]
    used = [await tx.scalar(select(1).where(func.length(each) == DIGEST_BYTES).limit(1)) for each in indexes]
    return {oldest_key_id()} if any(used) else set()


async def release_keys(database: Database, found: Iterable[Stored]) -> None:
    """Forget the keys under which nothing is stored any more."""
    in_use = {each.key_id for each in found} | {known_keys()[0].id}
    async with database.transaction() as tx:
        for row in await tx.scalars(select(BlindIndexKey).with_for_update()):
            if row.key_id not in in_use:
                await tx.delete(row)
