"""A signature of the hotline counts once: its nonce is claimed in the inbox, where it is pruned when it has expired."""

import hashlib
from datetime import timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.inbox import RETENTION, inbox
from kit.signatures.messages import SIGNED_SECONDS
from kit.signatures.refusals import MAX_CLOCK_SKEW

CONSUMER = "hotline"
_KEPT = timedelta(seconds=SIGNED_SECONDS + 2 * MAX_CLOCK_SKEW)


async def claim(tx: AsyncSession, nonce: str) -> bool:
    """Whether this is the first request with a nonce; of several at once one is."""
    identifier = UUID(bytes=hashlib.sha256(nonce.encode()).digest()[:16])
    first = insert(inbox).values(consumer=CONSUMER, event_id=identifier, handled_at=now() - RETENTION + _KEPT)
    return await tx.scalar(first.on_conflict_do_nothing().returning(inbox.c.event_id)) is not None
