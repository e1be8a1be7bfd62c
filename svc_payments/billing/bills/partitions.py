"""The months of bills: partitions made before the first bill of their month comes."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.telemetry import log

MONTHS_AHEAD = 6

# A month that the worker was not there to make in time has its bills in the default partition, and nothing is lost.
_ENSURE = f"SELECT ensure_bill_partitions(now()::date, (now() + interval '{MONTHS_AHEAD} months')::date)"


async def ensure_partitions(tx: AsyncSession) -> int:
    """Make the partitions of the coming months that are missing. Returns how many were."""
    # Attaching waits for readers of the default partition and blocks others meanwhile: give up and retry later.
    await tx.execute(text("SET LOCAL lock_timeout = '2s'"))
    made = int(await tx.scalar(text(_ENSURE)) or 0)
    if made:
        log.info("bill_partitions_made", months=made)
    return made
