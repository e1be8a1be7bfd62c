"""Batches of payment notices: those that arrive while a transaction runs share the next one.

Captures are serialised by the ledger's chain, and each commit has to reach the disk. In a batch they share statements
and one commit. No notice waits for a batch to fill: the first is captured at once, those arriving meanwhile form the
next batch.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from prometheus_client import Histogram

from chassis.db import Database
from chassis.telemetry import log, traceparent
from svc_payments.channels.notices import PaidNotice
from svc_payments.collection.notifications import service
from svc_payments.collection.notifications.service import NoticeRefused, ReceivedNotice
from svc_payments.settings.channels import ChannelName

MOST_TOGETHER = 100
_ALONE_AT_ONCE = 5
"""Limits single captures: a whole batch of them would take every connection of the pool."""
TOGETHER = Histogram(
    "myili_notices_together", "Notices captured in one transaction", buckets=(1, 2, 5, 10, 20, 50, MOST_TOGETHER)
)


class NoticeBatches:
    """Collects the payment notices of a process and captures them in batches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alone = asyncio.Semaphore(_ALONE_AT_ONCE)
        self._arrived: asyncio.Queue[tuple[ReceivedNotice, asyncio.Future[bool]]] = asyncio.Queue()

    async def take(self, channel: ChannelName, notice: PaidNotice, merchant_id: str) -> NoticeRefused | None:
        """Capture the payment of a notice; the money is in the ledger, committed, when this returns None.

        Returns:
            The refusal of a notice that does not match, for the caller to raise; its incident is committed.

        Raises:
            NonceReused: as `service.take_notice`.
        """
        captured = asyncio.get_running_loop().create_future()
        self._arrived.put_nowait((ReceivedNotice(channel, notice, merchant_id, traceparent()), captured))
        if await captured:
            return None
        # Not an expected notice, or its batch failed: handled in a transaction of its own.
        async with self._alone, self._database.transaction() as tx:
            return await service.take_notice(tx, channel, notice, merchant_id)

    async def work(self) -> None:
        """Capture batch after batch until cancelled."""
        while True:
            group = [await self._arrived.get()]
            while len(group) < MOST_TOGETHER and not self._arrived.empty():
                group.append(self._arrived.get_nowait())
            TOGETHER.observe(len(group))
            done = await self._capture([received for received, _ in group])
            for received, captured in group:
                if not captured.done():  # the request may have been cancelled
                    captured.set_result(received in done)

    async def _capture(self, group: Sequence[ReceivedNotice]) -> Collection[ReceivedNotice]:
        try:
            async with self._database.transaction() as tx:
                return await service.capture_batch(tx, group)
        except Exception as error:  # noqa: BLE001 - one bad notice must not fail the others: each is retried alone
            log.warning("group_failed", size=len(group), exc_info=error)
            return ()


@asynccontextmanager
async def open_batches(database: Database) -> AsyncIterator[NoticeBatches]:
    """Batches that work until the block ends."""
    groups = NoticeBatches(database)
    working = asyncio.create_task(groups.work())
    try:
        yield groups
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
