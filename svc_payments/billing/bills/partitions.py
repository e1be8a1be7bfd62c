"""Monthly partitions of bills, made before the first bill of their month."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.telemetry import log

MONTHS_AHEAD = 6

# Bills of a month whose partition was not made in time go to the default partition; nothing is lost.
_ENSURE = f"SELECT ensure_bill_partitions(now()::date, (now() + interval '{MONTHS_AHEAD} months')::date)"


async def ensure_partitions(tx: AsyncSession) -> int:
    """Make the missing partitions of the coming months. Returns how many were made."""
    # Attaching waits for readers of the default partition and blocks others meanwhile: give up and retry later.
    await tx.execute(text("SET LOCAL lock_timeout = '2s'"))
    made = int(await tx.scalar(text(_ENSURE)) or 0)
    if made:
        log.info("bill_partitions_made", months=made)
    return made
