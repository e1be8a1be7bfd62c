"""Plans and bills for explanations, and the answer that a resident reads."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.billing.bills.models import Bill
from svc_payments.parties.tariff_plans.consumers import PlanPublished
from svc_payments.parties.tariff_plans.models import TariffPlan
from tests.kit.tariffs.examples import WATER, named
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, save

JANUARY = date(2026, 1, 1)


def a_plan(provider_id: UUID, rules: dict[str, Any] = WATER, **fields: Any) -> TariffPlan:  # noqa: ANN401 - columns
    withdrawn_at = fields.pop("withdrawn_at", None)
    data = {
        "tariff_id": new_id(),
        "provider_id": provider_id,
        "customer_class": "residential",
        "code": "base",
        "name": named("居民水价", "Water"),
        "effective_from": date(2020, 1, 1),
        "rules": rules,
    }
    row = PlanPublished.model_validate(data | fields).row(now())
    return TariffPlan(**row, withdrawn_at=withdrawn_at)


def january(provider_id: UUID, usage: str, amount_fen: int, **fields: Any) -> Bill:  # noqa: ANN401 - columns
    usual = {"period": JANUARY, "usage": Decimal(usage), "amount_fen": amount_fen}
    return a_bill(provider_id, **{**usual, **fields})


async def answer(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, bill: Bill, *rows: object, language: str = "en"
) -> dict[str, Any]:
    """The bill as a resident of its account reads it, saved with these rows."""
    person = new_id()
    await save(database, bill, a_binding(person, bill.provider_id), *rows)
    headers = tokens.resident(person) | {"Accept-Language": language}
    found = await api.get(f"/payments/v1/bills/{bill.id}", headers=headers)
    assert found.status_code == 200, found.text
    shown: dict[str, Any] = found.json()
    return shown


def lines_of(shown: dict[str, Any]) -> list[int]:
    plan: dict[str, Any] = shown["plan_explanation"]["plan"]
    assert sum(line["amount_fen"] for line in plan["lines"]) == plan["total_fen"]
    assert plan["total_fen"] + plan["difference_fen"] == shown["amount_fen"]
    return [line["amount_fen"] for line in plan["lines"]]
