"""Rows in pieces by their numbers, which can be proven side by side."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""Of PostgreSQL's bigint."""


@dataclass(frozen=True)
class Span:
    """Numbers from the first to the last."""

    first: int
    last: int


_READ_WHOLE = "SELECT " + ", ".join(
    f"set_config('enable_{way}', :allowed, true)" for way in ("hashjoin", "mergejoin", "seqscan")
)


async def allow_whole_reads(tx: AsyncSession, *, allowed: bool) -> None:
    """Whether the queries that follow may read whole tables to join to, as suits checks, or look rows up one by one.

    Left to itself PostgreSQL reads all transfers for every piece of the entries.
    """
    await tx.execute(text(_READ_WHOLE), {"allowed": "on" if allowed else "off"})


async def pieces(tx: AsyncSession, column: InstrumentedAttribute[int], rows: int) -> list[Span]:
    """All numbers that a column may have, in pieces of so many rows, whatever their numbers are."""
    place: Any = func.row_number().over(order_by=column).label("place")
    numbered = select(column.label("number"), place).subquery()
    return spans(await tx.scalars(select(numbered.c.number).where(numbered.c.place % rows == 0)))


def spans(edges: Iterable[int]) -> list[Span]:
    """All numbers there are, in pieces that end with these."""
    inner = sorted(edge for edge in set(edges) if edge < HIGHEST)
    firsts = [LOWEST, *(edge + 1 for edge in inner)]
    return [Span(first, last) for first, last in zip(firsts, [*inner, HIGHEST], strict=True)]
