"""Providers and tariffs from svc_services, in any order of their events and more than once."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from contracts.reference_provider.numbering import NUMBERINGS
from kit.fields.customer_parameters import TEN_DIGITS
from svc_payments.billing.bills.queries import tariffs_for
from svc_payments.billing.terms.stated import propose_stated
from svc_payments.parties.providers.account_numbers import parameters_of
from svc_payments.parties.providers.consumers import handlers
from svc_payments.parties.providers.models import Provider, Tariff
from tests.svc_payments.billing.bills.factories import a_bill
from tests.svc_payments.parties.events import Event


def approved(provider_id: UUID, endpoint_url: str, minute: int) -> Event:
    """The event with fields that this service does not read."""
    data = {
        "provider_id": str(provider_id),
        "kind": "water",
        "name": "Sample Water Company",
        "uscc": "not read here",
        "division_codes": ["654002"],
        "endpoint_url": endpoint_url,
        "jwks": {"keys": []},
    }
    return Event("provider.approved", data, minute)


async def test_the_newest_event_of_a_provider_wins_in_any_order(tx: AsyncSession) -> None:
    provider_id = new_id()
    for minute in (2, 3, 1, 3):
        await approved(provider_id, f"https://utility.example/{minute}", minute).consume(tx, handlers(propose_stated))
    provider = await tx.get_one(Provider, provider_id, populate_existing=True)
    assert provider.endpoint_url == "https://utility.example/3"


async def test_a_tariff_may_arrive_before_its_provider_and_more_than_once(tx: AsyncSession) -> None:
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
        await Event("tariff.published", data).consume(tx, handlers(propose_stated))
    [tariff] = (await tx.scalars(select(Tariff))).all()
    assert tariff.tiers == [{"up_to": "180", "unit_price": "2.300"}, {"up_to": None, "unit_price": "3.45"}]


@pytest.mark.parametrize("order", [("published", "withdrawn"), ("withdrawn", "published", "withdrawn")])
async def test_a_withdrawn_tariff_explains_no_bill_in_any_order(tx: AsyncSession, order: tuple[str, ...]) -> None:
    provider_id = new_id()
    data = {
        "tariff_id": str(new_id()),
        "provider_id": str(provider_id),
        "kind": "water",
        "customer_class": "residential",
        "unit": "m3",
        "effective_from": "2026-01-01",
        "tiers": [{"up_to": None, "unit_price": "3.45"}],
        "fixed_fee_fen": 0,
    }
    for step in order:
        withdrawn = {"withdrawn_at": "2025-12-30T00:00:00Z", "replaced_by": None} if step == "withdrawn" else {}
        await Event(f"tariff.{step}", data | withdrawn).consume(tx, handlers(propose_stated))
    bill = a_bill(provider_id, period=date(2026, 9, 1))
    assert await tariffs_for(tx, bill) == []
    bill.tariff_id = UUID(str(data["tariff_id"]))
    assert await tariffs_for(tx, bill) == []


@pytest.mark.parametrize("declared_first", [True, False])
async def test_a_declaration_is_kept_in_any_order_of_events(tx: AsyncSession, *, declared_first: bool) -> None:
    provider_id = new_id()
    parameters = NUMBERINGS["cable_tv"].customer_parameters | {"pattern": "^8[0-9]{15}$"}
    silent = approved(provider_id, "https://utility.example", 0)
    telling = Event("provider.approved", silent.data | {"customer_parameters": parameters}, 5)
    late = Event("provider.approved", silent.data, 9)
    for event in (telling, silent, late) if declared_first else (silent, telling, late):
        await event.consume(tx, handlers(propose_stated))
    provider = await tx.get_one(Provider, provider_id, populate_existing=True)
    assert provider.customer_parameters == parameters


async def test_a_provider_of_before_keeps_ten_digits(tx: AsyncSession) -> None:
    provider_id = new_id()
    await approved(provider_id, "https://utility.example", 0).consume(tx, handlers(propose_stated))
    assert await parameters_of(tx, provider_id) == TEN_DIGITS
    assert await parameters_of(tx, new_id()) == TEN_DIGITS
