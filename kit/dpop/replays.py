"""A proof is good once, at whichever process of a service it arrives.

It is claimed in the service's inbox, where events are claimed too, dated so that the hourly pruning of the inbox
deletes it as soon as no process would accept its `iat` any more.
"""

import hashlib
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.inbox import RETENTION, inbox
from kit.dpop.proofs import SKEW_SECONDS, Proof

CONSUMER = "dpop"
_KEPT = timedelta(seconds=3 * SKEW_SECONDS)


async def claim(tx: AsyncSession, proof: Proof) -> bool:
    """Whether this is the first use of a proof; of several at once one is."""
    # The last moments before a crash of the database may be lost: the server's clock has moved on before it is back.
    await tx.execute(text("SET LOCAL synchronous_commit = off"))
    identifier = hashlib.sha256(f"{proof.key}\n{proof.id}".encode("utf-8", "surrogatepass")).digest()[:16]
    first = insert(inbox).values(
        consumer=CONSUMER, event_id=UUID(bytes=identifier), handled_at=now() - RETENTION + _KEPT
    )
    return await tx.scalar(first.on_conflict_do_nothing().returning(inbox.c.event_id)) is not None
