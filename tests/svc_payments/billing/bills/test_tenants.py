"""A tenant sees the bills since the binding."""

from datetime import UTC, date, datetime
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, save

URL = "/payments/v1/bills"


@pytest.mark.parametrize(
    ("role", "bound_on", "seen"),
    [
        ("owner", "2026-09-20", ["2026-07", "2026-08", "2026-09"]),
        ("family", "2026-09-20", ["2026-07", "2026-08", "2026-09"]),
        ("tenant", "2026-09-20", ["2026-09"]),
        # In China it is the first of September by then.
        ("tenant", "2026-08-31T16:30:00", ["2026-09"]),
        ("tenant", "2026-08-31T15:30:00", ["2026-08", "2026-09"]),
        ("tenant", None, []),
        ("guest", "2026-01-01", []),
    ],
)
async def test_a_tenant_sees_no_bill_from_before_the_binding(
    api: httpx.AsyncClient,
    database: Database,
    tokens: Tokens,
    provider_id: UUID,
    role: str,
    bound_on: str | None,
    seen: list[str],
) -> None:
    person = new_id()
    bills = {f"2026-{month:02}": a_bill(provider_id, period=date(2026, month, 1)) for month in (7, 8, 9)}
    binding = a_binding(person, provider_id)
    binding.role = role
    binding.bound_at = None if bound_on is None else datetime.fromisoformat(bound_on).replace(tzinfo=UTC)
    await save(database, binding, *bills.values())
    headers = tokens.resident(person)
    listed = (await api.get(URL, headers=headers)).json()["items"]
    assert sorted(bill["period"] for bill in listed) == seen
    for period, bill in bills.items():
        status = 200 if period in seen else 404
        for path in (f"{URL}/{bill.id}", f"{URL}/{bill.id}/versions"):
            assert (await api.get(path, headers=headers)).status_code == status
        body = {"bill_ids": [str(bill.id)], "channel": "sandbox"}
        paying = await api.post("/payments/v1/payments", json=body, headers=headers | once())
        assert paying.status_code == (201 if period in seen else 404)


async def test_the_wider_of_two_bindings_counts(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person, bill = new_id(), a_bill(provider_id)
    tenant, family = a_binding(person, provider_id), a_binding(person, provider_id)
    tenant.role, family.role = "tenant", "family"
    await save(database, bill, tenant, family)
    assert len((await api.get(URL, headers=tokens.resident(person))).json()["items"]) == 1
