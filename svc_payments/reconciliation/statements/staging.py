"""The lines of a statement into PostgreSQL: by COPY, block by block, in the transaction that takes the file in."""

import asyncio
import re
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.invariants import InvariantBrokenError
from svc_payments.reconciliation.statements.models import Movement
from svc_payments.reconciliation.statements.parser import Line, Lines
from svc_payments.reconciliation.statements.records import MILLIFEN
from svc_payments.reconciliation.statements.refusals import Fault, StatementLineTwice, StatementMalformed

Progress = Callable[[int], None]
"""Receives from time to time how many lines are loaded."""

_BLOCK_LINES = 5_000
_COLUMNS = ("statement_id", *Line._fields)
_LARGEST_TOTAL = 2**62
"""More than all the money there is, and less than PostgreSQL's largest integer."""
_DUE_TO_OUT = Movement.REFUND

_COPIED = re.compile(r"statement_lines\D+([0-9]+)")
"""The line of COPY that PostgreSQL names, whatever language its messages are in."""

# Some providers name a posting by receipt and bill number only; this replaces them by its id.
_NAME_POSTINGS = """
    UPDATE statement_lines AS line SET number = CAST(posting.id AS text)
    FROM postings AS posting
    WHERE line.statement_id = :statement_id AND line.number LIKE '%/%' AND posting.provider_id = :provider_id
        AND posting.receipt_number = split_part(line.number, '/', 1)
        AND posting.bill_number = split_part(line.number, '/', 2)
"""
_NAMED_TWICE = """
    SELECT max(line.row) AS row
    FROM statement_lines AS line
    LEFT JOIN postings AS posting ON line.number LIKE '%/%' AND posting.provider_id = :provider_id
        AND posting.receipt_number = split_part(line.number, '/', 1)
        AND posting.bill_number = split_part(line.number, '/', 2)
    WHERE line.statement_id = :statement_id
    GROUP BY coalesce(CAST(posting.id AS text), line.number), line.transaction_id
    HAVING count(*) > 1
    ORDER BY row LIMIT 1
"""


@dataclass
class Totals:
    """Of the lines that went in; only what was done or accepted counts as money."""

    lines: int = 0
    in_fen: int = 0
    out_fen: int = 0
    fee_millifen: int = 0
    rows: "array[int]" = field(default_factory=lambda: array("I"))
    """Where each line stands in the file."""

    def add(self, line: Line) -> None:
        self.lines += 1
        self.rows.append(line.row)
        self.fee_millifen += line.fee_millifen
        if line.movement == _DUE_TO_OUT:
            self.out_fen -= line.moved_fen
        else:
            self.in_fen += line.moved_fen
        if max(self.in_fen, self.out_fen, abs(self.fee_millifen)) > _LARGEST_TOTAL:
            raise StatementMalformed(Fault.TOO_MUCH, line.row)

    @property
    def fee_fen(self) -> int:
        """Rounded half up, as channels charge the sum."""
        return (self.fee_millifen + MILLIFEN // 2) // MILLIFEN


async def load(tx: AsyncSession, statement_id: UUID, lines: Lines, progress: Progress = lambda _: None) -> Totals:
    """Copy the lines of a statement in.

    Raises:
        StatementLineTwice: two lines are about the same movement.
        Problem: whatever the layout finds wrong; nothing stays, when the caller lets it roll back.
    """
    totals = Totals()
    raw = (await (await tx.connection()).get_raw_connection()).driver_connection
    if raw is None:
        raise InvariantBrokenError("the pool returned a dead connection")
    try:
        blocks = _ahead(_blocks(statement_id, lines, totals), totals, progress)
        await raw.copy_to_table("statement_lines", source=blocks, columns=_COLUMNS)
    except asyncpg.UniqueViolationError as twice:
        copied = _COPIED.search(twice.context or "")
        if copied is None:
            raise
        raise StatementLineTwice(row=totals.rows[int(copied[1]) - 1]) from None
    return totals


async def name_postings(tx: AsyncSession, statement_id: UUID, provider_id: UUID) -> None:
    """Give the lines that name a posting by its receipt the posting's id.

    Raises:
        StatementLineTwice: another line names it already.
    """
    savepoint = await tx.begin_nested()
    which = {"statement_id": statement_id, "provider_id": provider_id}
    try:
        await tx.execute(text(_NAME_POSTINGS), which)
    except Exception as error:
        await savepoint.rollback()
        if isinstance(getattr(error, "orig", error).__cause__, asyncpg.UniqueViolationError):
            raise StatementLineTwice(row=await tx.scalar(text(_NAMED_TWICE), which)) from None
        raise


def _blocks(statement_id: UUID, lines: Lines, totals: Totals) -> Iterator[str]:
    block: list[str] = []
    prefix = str(statement_id)
    for line in lines:
        totals.add(line)
        # No value has a tab, a line break or a backslash: the layouts reject them.
        block.append("\t".join((prefix, *map(str, line))))
        if len(block) == _BLOCK_LINES:
            yield "\n".join(block) + "\n"
            block.clear()
    if block:
        yield "\n".join(block) + "\n"


async def _ahead(blocks: Iterator[str], totals: Totals, progress: Progress) -> AsyncIterator[bytes]:
    # In a thread, so that other requests are answered and PostgreSQL takes one block while the next is made.
    while block := await asyncio.to_thread(next, blocks, None):
        yield block.encode()
        progress(totals.lines)
