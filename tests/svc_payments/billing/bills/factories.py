"""Bills, bindings and tariffs written straight to the tables."""

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from chassis.db import Database, new_id, now
from svc_payments.billing.bills.models import Bill
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.providers.models import Tariff, Tier

_numbers = count(1)


def a_bill(provider_id: UUID, **fields: Any) -> Bill:  # noqa: ANN401 - the columns of a bill
    usual = {
        "id": new_id(),
        "provider_id": provider_id,
        "bill_number": f"B-{next(_numbers):06}",
        "account_number": "1000000005",
        "period": date(2026, 9, 1),
        "usage": Decimal(12),
        "amount_fen": 2760,
        "due_date": date(2026, 10, 25),
        "bill_file_id": new_id(),
    }
    return Bill(**{**usual, **fields})


def a_binding(person_id: UUID, provider_id: UUID, account_number: str = "1000000005") -> AccountBinding:
    return AccountBinding(
        binding_id=new_id(), person_id=person_id, provider_id=provider_id, account_number=account_number, role="owner"
    )


def a_tariff(provider_id: UUID, *tiers: tuple[str | None, str], **fields: Any) -> Tariff:  # noqa: ANN401 - columns
    usual = {
        "tariff_id": new_id(),
        "provider_id": provider_id,
        "kind": "water",
        "customer_class": "residential",
        "unit": "m3",
        "effective_from": date(2026, 1, 1),
        "tiers": [Tier(up_to=up_to, unit_price=unit_price) for up_to, unit_price in tiers or [(None, "2.300")]],
        "fixed_fee_fen": 0,
        "published_at": now(),
    }
    return Tariff(**{**usual, **fields})


async def save(database: Database, *rows: object) -> None:
    async with database.transaction() as tx:
        tx.add_all(rows)
