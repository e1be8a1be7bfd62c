"""Channels' transaction numbers: each belongs to one order for ever, as its payment or as money taken twice."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Text, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.base import given, given_table
from svc_payments.collection.payments.models import Attempt
from svc_payments.collection.refunds.models import SecondTransaction


class Movement(NamedTuple):
    """One movement of money at a channel."""

    channel: str
    transaction_id: str


# Two unique constraints keep each table's numbers apart, and none could keep both: whoever is about to write a number
# into either waits here for the other. In order, so that two batches cannot deadlock.
_LOCK = text("""
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended(name, 0) AS key FROM unnest(CAST(:names AS text[])) AS name ORDER BY key
    ) AS ordered
""")

_PAIRS = given_table({"channel": Text(), "number": Text()})
_KNOWN = union_all(
    *(
        select(table.channel, table.transaction_id, table.payment_id).join(
            _PAIRS, (table.channel == _PAIRS.c.channel) & (table.transaction_id == _PAIRS.c.number)
        )
        for table in (Attempt, SecondTransaction)
    )
)


async def owners_of(tx: AsyncSession, movements: Sequence[Movement]) -> dict[Movement, UUID]:
    """The payments that movements belong to already; the numbers stay locked until the transaction ends.

    The payments themselves are locked before.
    """
    names = [f"transaction {channel} {number}" for channel, number in movements]
    await tx.execute(_LOCK, {"names": names})
    channels, numbers = zip(*movements, strict=True)
    # A statement of its own, after the locks: it sees what those who held them have committed.
    rows = await tx.execute(_KNOWN, given(channel=channels, number=numbers))
    return {Movement(channel, number): owner for channel, number, owner in rows if number is not None}
