"""The lines of entries and facts as a link's hash has them, streamed from one snapshot by COPY.

PostgreSQL prints each column with the output function of its type and puts no line together.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.ledger.spans import Span

# Outer: an entry whose transfer or account was removed must not go unseen.
_ENTRIES = """
    SELECT entry.position, entry.transfer_id, transfer.kind, transfer.reference_id,
        trunc(extract(epoch FROM transfer.created_at) * 1000000), account.kind, account.holder, entry.amount_fen
    FROM ledger_entries AS entry
    LEFT JOIN ledger_transfers AS transfer ON transfer.id = entry.transfer_id
    LEFT JOIN ledger_accounts AS account ON account.id = entry.account_id
    WHERE entry.position BETWEEN {first} AND {last} ORDER BY entry.position
"""
_FACTS = """
    SELECT position, transfer_id, content FROM ledger_facts
    WHERE position BETWEEN {first} AND {last} ORDER BY position
"""
Take = Callable[[int, bytes], None]
"""Receives each line with its position."""


async def copy_entries(tx: AsyncSession, positions: Span, take: Take) -> None:
    """Read the entries at these positions, in their order."""
    await _copy(tx, _ENTRIES.format(first=positions.first, last=positions.last), " ", take)


async def copy_facts(tx: AsyncSession, positions: Span, take: Take) -> None:
    """Read the facts of transfers whose first entry is at one of these positions, in their order."""
    await _copy(tx, _FACTS.format(first=positions.first, last=positions.last), "\t", take)


async def _copy(tx: AsyncSession, query: str, delimiter: str, take: Take) -> None:
    raw: Any = (await (await tx.connection()).get_raw_connection()).driver_connection
    rest = b""

    async def split(block: bytes) -> None:
        nonlocal rest
        rows, end, rest = (rest + block).rpartition(b"\n")
        if end:
            for row in _unescaped(rows).split(b"\n"):
                take(int(row[: row.index(b" ")]), row)

    await raw.copy_from_query(query, output=split, delimiter=delimiter)


def _unescaped(rows: bytes) -> bytes:
    # COPY writes a backslash twice. What else it escapes, a space or a line feed in a column, is in no sealed line, and
    # left as it is: so a row that was changed to look like two columns does not look like what was sealed.
    return rows.replace(b"\\\\", b"\\").replace(b"\t", b" ")
