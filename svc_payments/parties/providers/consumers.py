"""Read model of providers and tariffs from svc_services."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_payments.parties.providers.models import Provider, Tariff


class ProviderApproved(EventData):
    provider_id: UUID
    kind: str
    name: str
    endpoint_url: str


class TariffTier(BaseModel):
    up_to: str | None
    unit_price: str


class TariffPublished(EventData):
    tariff_id: UUID
    provider_id: UUID
    kind: str
    customer_class: str
    unit: str
    effective_from: date
    tiers: list[TariffTier]
    fixed_fee_fen: int


async def on_provider_approved(tx: AsyncSession, event: Received[ProviderApproved]) -> None:
    """Keep the newest word on a provider; an older event that comes late changes nothing."""
    row = {**event.data.model_dump(), "as_of": event.time}
    statement = insert(Provider).values(row)
    newer = statement.on_conflict_do_update(
        index_elements=[Provider.provider_id],
        set_={name: statement.excluded[name] for name in row if name != "provider_id"},
        where=Provider.as_of < statement.excluded.as_of,
    )
    await tx.execute(newer)


async def on_tariff_published(tx: AsyncSession, event: Received[TariffPublished]) -> None:
    # A published tariff never changes: a new price is a new tariff.
    row = {**event.data.model_dump(), "published_at": event.time}
    await tx.execute(insert(Tariff).values(row).on_conflict_do_nothing())


HANDLERS: list[AnyHandler] = [
    Handler("cn.ili.services.provider.approved.v1", ProviderApproved, on_provider_approved),
    Handler("cn.ili.services.tariff.published.v1", TariffPublished, on_tariff_published),
]
