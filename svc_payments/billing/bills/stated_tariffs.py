"""Tariffs that rows state: one that is known not to be meant refuses the row.

One that is unknown does not: its event may be on its way. Such a bill is not explained until the tariff is here.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_REFUSE = """
    UPDATE claims SET outcome = 'bad_tariff' FROM tariffs
    WHERE tariffs.tariff_id = claims.tariff_id AND claims.place = 1 AND claims.outcome IS NULL
        AND (tariffs.provider_id <> :provider_id OR tariffs.withdrawn_at IS NOT NULL
            OR claims.customer_class <> tariffs.customer_class OR claims.unit <> tariffs.unit)
"""


async def refuse_tariffs_of_others(tx: AsyncSession, provider_id: UUID) -> None:
    """Refuse claimed rows with a tariff of another provider, a withdrawn one, or one of another class or unit."""
    await tx.execute(text(_REFUSE), {"provider_id": provider_id})
