"""Anchoring on schedule, by the worker, whose database role owns nothing."""

from datetime import timedelta

from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from kit.audit.anchors import Anchor, Announce, Chain, Head, head_of_links, last_anchored, make_anchor, opened
from kit.audit.proof import Trail
from kit.audit.settings import AnchorKey, private_key

EVERY = timedelta(minutes=50)
"""Less than an hour, so that with the worker's pauses an anchor is never older than one."""
PAUSE_SECONDS = 120.0
"""The pause between two looks whether it is time."""

UNANCHORED = Gauge("myili_audit_unanchored_seconds", "Time since the last anchor while links of the trail wait for one")
_WAITING = text("""
    SELECT extract(epoch FROM now() - since) FROM (
        SELECT coalesce(
            (SELECT anchored_at FROM audit_anchors ORDER BY number DESC LIMIT 1),
            (SELECT sealed_at FROM audit_links ORDER BY number LIMIT 1)
        ) AS since
    ) AS before WHERE since <= (SELECT sealed_at FROM audit_links ORDER BY number DESC LIMIT 1)
""")


async def audit_head(tx: AsyncSession) -> Head | None:
    """The head of the trail's own chain."""
    return await head_of_links(tx, "audit_links")


AUDIT_CHAIN = Chain("audit_links", audit_head)


class Anchoring:
    """Writes the anchors of one service."""

    def __init__(
        self,
        trail: Trail,
        store_url: str,
        key: AnchorKey,
        announce: Announce | None = None,
    ) -> None:
        """Nothing is opened yet; `announce` runs in the transaction that lists an anchor."""
        self._trail, self._store_url, self._key, self._announce = trail, store_url, private_key(key), announce

    async def anchor(self, database: Database) -> Anchor | None:
        """Anchor the present heads. Returns the anchor; None while there is nothing to anchor.

        Raises:
            AnchorConflict
        """
        store, trail = opened(self._store_url), self._trail
        return await make_anchor(database, store, self._key, trail.service, trail.chains, self._announce)

    async def anchor_when_due(self, database: Database) -> None:
        """Anchor unless it was done within the hour, and measure how long links wait for it."""
        try:
            if await self._is_due(database):
                await self.anchor(database)
        finally:
            async with database.read() as tx:
                UNANCHORED.set(float(await tx.scalar(_WAITING) or 0))

    async def _is_due(self, database: Database) -> bool:
        async with database.read() as tx:
            last = await last_anchored(tx)
        return last is None or now() - last >= EVERY
