"""One request at a time asks the outside system how a verification ended: a code is good once there.

Of two at once the second would be refused, and what it was told could be kept as the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import func, select

from chassis.db import Database
from svc_identity.verifications.observation import VerificationUnderWay

MOST_SECONDS = 20.0
_AGAIN_AFTER = 0.2
_LOCK_BYTES = 8


@asynccontextmanager
async def one_at_a_time(database: Database, verification_id: UUID) -> AsyncIterator[None]:
    """Wait until nobody else asks; those who wait hold no connection.

    Raises:
        VerificationUnderWay: after a while.
    """
    number = int.from_bytes(verification_id.bytes[-_LOCK_BYTES:], "big", signed=True)
    loop = asyncio.get_running_loop()
    until = loop.time() + MOST_SECONDS
    while loop.time() < until:
        async with database.transaction() as tx:
            if await tx.scalar(select(func.pg_try_advisory_xact_lock(number))):
                yield
                return
        await asyncio.sleep(_AGAIN_AFTER)
    raise VerificationUnderWay
