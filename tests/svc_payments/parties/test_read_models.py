"""What svc_services tells of providers, tariffs and bindings, in any order and any number of times."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.inbox import Received
from svc_payments.collection.mandates import service as mandates
from svc_payments.parties.accounts.consumers import handlers as account_handlers
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.providers.consumers import HANDLERS as PROVIDER_HANDLERS
from svc_payments.parties.providers.models import Provider, Tariff

BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)
HANDLERS = {handler.event_type: handler for handler in (*PROVIDER_HANDLERS, *account_handlers(mandates.binding_ended))}


@dataclass(frozen=True)
class Told:
    type: str
    data: dict[str, Any]
    minute: int = 0

    async def to(self, tx: AsyncSession) -> None:
        handler = HANDLERS[f"cn.ili.services.{self.type}.v1"]
        handle: Callable[[AsyncSession, Received[Any]], Awaitable[None]] = handler.handle
        time = BEGINNING + timedelta(minutes=self.minute)
        await handle(tx, Received(new_id(), handler.event_type, time, handler.data.model_validate(self.data)))


def approved(provider_id: UUID, endpoint_url: str, minute: int) -> Told:
    """As svc_services sends it, with fields this service has no use for."""
    data = {
        "provider_id": str(provider_id),
        "kind": "water",
        "name": "Sample Water Company",
        "uscc": "not read here",
        "division_codes": ["654002"],
        "endpoint_url": endpoint_url,
        "jwks": {"keys": []},
    }
    return Told("provider.approved", data, minute)


async def test_the_newest_word_on_a_provider_stays_whatever_the_order(tx: AsyncSession) -> None:
    provider_id = new_id()
    for minute in (2, 3, 1, 3):
        await approved(provider_id, f"https://utility.example/{minute}", minute).to(tx)
    provider = await tx.get_one(Provider, provider_id, populate_existing=True)
    assert provider.endpoint_url == "https://utility.example/3"


async def test_a_tariff_may_come_before_its_provider_and_more_than_once(tx: AsyncSession) -> None:
    data = {
        "tariff_id": str(new_id()),
        "provider_id": str(new_id()),
        "kind": "water",
        "customer_class": "residential",
        "unit": "m3",
        "effective_from": "2026-01-01",
        "tiers": [{"up_to": "180", "unit_price": "2.300", "new": 1}, {"up_to": None, "unit_price": "3.45"}],
        "fixed_fee_fen": 3_000_000_000,
        "a_field_of_later": True,
    }
    for _ in range(2):
        await Told("tariff.published", data).to(tx)
    [tariff] = (await tx.scalars(select(Tariff))).all()
    assert tariff.tiers == [{"up_to": "180", "unit_price": "2.300"}, {"up_to": None, "unit_price": "3.45"}]


@pytest.mark.parametrize("seed", range(6))
async def test_a_binding_that_ended_stays_ended_however_its_events_come(tx: AsyncSession, seed: int) -> None:
    data = {
        "binding_id": str(new_id()),
        "person_id": str(new_id()),
        "provider_id": str(new_id()),
        "account_number": "1000000005",
    }
    events = [Told("account_binding.activated", data | {"role": "owner"}), Told("account_binding.ended", data, 5)] * 2
    random.Random(seed).shuffle(events)  # noqa: S311 - any order will do
    for event in events:
        await event.to(tx)
    binding = await tx.get_one(AccountBinding, UUID(data["binding_id"]), populate_existing=True)
    assert binding.ended_at == BEGINNING + timedelta(minutes=5)
