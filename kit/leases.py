"""Due rows, each handled by one worker at a time.

A worker claims rows for the length of its transaction. Where it has to call an outside system in between, it leases
them instead: it moves their time ahead, commits, calls, and applies the result in another transaction.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar, TypeVarTuple

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column

from chassis.db import Timestamp
from kit.calendar import database_time

_POLLED_AT_ONCE = 20

Columns = TypeVarTuple("Columns")


def claimable(
    due: Select[*Columns],
    *order: ColumnElement[object] | InstrumentedAttribute[object],
    limit: int | None = None,
    of: type[DeclarativeBase] | Sequence[type[DeclarativeBase]] | None = None,
    key_share: bool = False,
) -> Select[*Columns]:
    """The due rows that no other transaction holds; reading them locks them until the transaction ends.

    Args:
        due: the due rows.
        order: which rows come first.
        limit: how many rows are claimed at most.
        of: the tables of a join to lock; all of them by default.
        key_share: leave the rows referable: others may still insert rows with a foreign key to them.
    """
    return due.order_by(*order).limit(limit).with_for_update(of=of, skip_locked=True, key_share=key_share)


class Leased:
    """The columns of a row that is leased for a call. `tries` fences off a worker that comes back after its lease."""

    tries: Mapped[int] = mapped_column(default=0)
    """The number of leases so far. A result is applied only if this is still the number of its worker's lease."""
    try_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    """When the next try is due; during a try, when its lease ends."""

    def lease(self, duration: timedelta) -> int:
        """Begin a lease on a claimed row. Returns the number of the try."""
        self.tries += 1
        self.try_at = func.now() + duration
        return self.tries


class Pollable:
    """The columns of a row that an outside system is polled about until its outcome is known."""

    asked: Mapped[int] = mapped_column(default=0)
    ask_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When to poll next; empty once the outcome is known."""


Row = TypeVar("Row", bound=Pollable)


async def claim_due(tx: AsyncSession, rows: type[Row], lease: timedelta) -> Sequence[Row]:
    """Lease the next few rows to poll about."""
    moment = await database_time(tx)
    due = select(rows).where(rows.ask_at <= moment)
    claimed = (await tx.scalars(claimable(due, rows.ask_at, limit=_POLLED_AT_ONCE))).all()
    for row in claimed:
        row.ask_at = moment + lease
    return claimed


def poll_again(row: Pollable, moment: datetime, pauses: Sequence[float], *, latest: datetime | None = None) -> None:
    """Schedule the next poll after the next pause, but not after `latest`."""
    row.asked += 1
    next_time = moment + pause_after(pauses, row.asked)
    row.ask_at = min(next_time, latest) if latest else next_time


def pause_after(pauses: Sequence[float], tries: int) -> timedelta:
    """The backoff after so many tries; the last pause repeats."""
    return timedelta(seconds=pauses[min(tries, len(pauses) - 1)])
