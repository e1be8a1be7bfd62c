"""Read model of providers and tariffs from svc_services."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from kit.fields.customer_parameters import CustomerParameters
from svc_payments.parties.providers.models import Provider, Tariff


class ProviderApproved(EventData):
    provider_id: UUID
    kind: str
    name: str
    endpoint_url: str
    customer_parameters: CustomerParameters | None = None
    """Events of before providers declared them have none."""
    approved_by: UUID | None = None
    stated_terms: dict[str, Any] | None = None

    def row(self, as_of: datetime) -> dict[str, Any]:
        """The columns that the event speaks of."""
        columns = {**self.model_dump(exclude={"approved_by", "stated_terms"}), "as_of": as_of}
        if self.customer_parameters is None:
            del columns["customer_parameters"]
        return columns


class ProviderChanged(ProviderApproved):
    """The connection of a provider after a change."""

    revision: int
    suspended_at: AwareDatetime | None
    ended_keys: list[str]


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


class TariffWithdrawn(TariffPublished):
    withdrawn_at: AwareDatetime


StatedTerms = Callable[[AsyncSession, UUID, UUID, dict[str, Any]], Awaitable[None]]
"""What else happens to the terms that a provider has stated, which (operator) has approved; in the same transaction."""


async def on_provider_approved(state_terms: StatedTerms, tx: AsyncSession, event: Received[ProviderApproved]) -> None:
    """Keep the newest word on a provider; an older event that comes late changes nothing."""
    row = event.data.row(event.time)
    statement = insert(Provider).values(row)
    newer = statement.on_conflict_do_update(
        index_elements=[Provider.provider_id],
        set_={name: statement.excluded[name] for name in row if name != "provider_id"},
        where=(Provider.as_of < statement.excluded.as_of) & (Provider.revision == 0),
    )
    await tx.execute(newer)
    if event.data.approved_by and event.data.stated_terms:
        await state_terms(tx, event.data.provider_id, event.data.approved_by, event.data.stated_terms)


async def on_provider_changed(tx: AsyncSession, event: Received[ProviderChanged]) -> None:
    """Keep the connection of the highest revision. An ended key stays ended, whichever event said so."""
    changed = event.data
    row = changed.row(event.time)
    known = insert(Provider).values(row).on_conflict_do_nothing().returning(Provider.provider_id)
    if await tx.scalar(known):
        return
    provider = await tx.get_one(Provider, changed.provider_id, with_for_update={"key_share": True})
    provider.ended_keys = sorted({*provider.ended_keys, *changed.ended_keys})
    if changed.revision > provider.revision:
        for name in row.keys() - {"provider_id", "ended_keys"}:
            setattr(provider, name, row[name])


async def on_tariff_published(tx: AsyncSession, event: Received[TariffPublished]) -> None:
    # Apart from its withdrawal a published tariff never changes: a new price is a new tariff.
    row = {**event.data.model_dump(), "published_at": event.time}
    await tx.execute(insert(Tariff).values(row).on_conflict_do_nothing())


async def on_tariff_withdrawn(tx: AsyncSession, event: Received[TariffWithdrawn]) -> None:
    # It may come before the publication, so that it has all of it.
    row = {**event.data.model_dump(), "published_at": event.time}
    withdrawn = insert(Tariff).values(row)
    await tx.execute(
        withdrawn.on_conflict_do_update(
            index_elements=[Tariff.tariff_id], set_={"withdrawn_at": withdrawn.excluded.withdrawn_at}
        )
    )


def handlers(state_terms: StatedTerms) -> list[AnyHandler]:
    return [
        Handler("cn.ili.services.provider.approved.v1", ProviderApproved, partial(on_provider_approved, state_terms)),
        *(
            Handler(f"cn.ili.services.provider.{change}.v1", ProviderChanged, on_provider_changed)
            for change in ("suspended", "resumed", "updated")
        ),
        Handler("cn.ili.services.tariff.published.v1", TariffPublished, on_tariff_published),
        Handler("cn.ili.services.tariff.withdrawn.v1", TariffWithdrawn, on_tariff_withdrawn),
    ]
