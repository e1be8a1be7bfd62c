"""What a channel is asked about until its fate is known: when to ask, and asking by one worker at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from kit.calendar import database_time

_AT_ONCE = 20


class Pollable:
    """The columns of a row that is asked about."""

    asked: Mapped[int] = mapped_column(default=0)
    ask_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When to ask the channel next; none when there is nothing left to ask."""


Row = TypeVar("Row", bound=Pollable)


async def claim_due(tx: AsyncSession, rows: type[Row], lease: timedelta) -> Sequence[Row]:
    """The next few rows to ask about now; other workers leave them alone for the time of the lease."""
    moment = await database_time(tx)
    due = select(rows).where(rows.ask_at <= moment).order_by(rows.ask_at).limit(_AT_ONCE)
    claimed = (await tx.scalars(due.with_for_update(skip_locked=True))).all()
    for row in claimed:
        row.ask_at = moment + lease
    return claimed


def poll_again(row: Pollable, moment: datetime, pauses: Sequence[float], *, latest: datetime | None = None) -> None:
    """It has been asked about and is not known yet: the next time comes after the next pause, or at the latest then."""
    row.asked += 1
    next_time = moment + pause_after(pauses, row.asked)
    row.ask_at = min(next_time, latest) if latest else next_time


def pause_after(pauses: Sequence[float], tries: int) -> timedelta:
    """How long to wait after so many tries; the last pause repeats."""
    return timedelta(seconds=pauses[min(tries, len(pauses) - 1)])
