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

_REFUSE_PLANS = """
    UPDATE claims SET outcome = 'bad_tariff' FROM tariff_plans
    WHERE tariff_plans.tariff_id = claims.tariff_id AND claims.place = 1 AND claims.outcome IS NULL
        AND (tariff_plans.provider_id <> :provider_id OR tariff_plans.withdrawn_at IS NOT NULL
            OR claims.customer_class <> tariff_plans.customer_class
            OR cardinality(tariff_plans.measures) > 0 AND claims.unit <> ALL (tariff_plans.measures))
"""


async def refuse_tariffs_of_others(tx: AsyncSession, provider_id: UUID) -> None:
    """Refuse claimed rows with a tariff of another provider, a withdrawn one, or one of another class or unit."""
    for refuse in (_REFUSE, _REFUSE_PLANS):
        await tx.execute(text(refuse), {"provider_id": provider_id})
