"""Bills of an account that has changed hands: each holder sees their own time."""

from datetime import UTC, date, datetime
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from svc_payments.collection.mandates import service as mandates
from svc_payments.parties.accounts.consumers import handlers
from svc_payments.parties.accounts.models import AccountBinding
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, save
from tests.svc_payments.parties.events import Event

URL = "/payments/v1/bills"
ACCOUNT = "1000000005"


def moment(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


async def periods(api: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
    return sorted(bill["period"] for bill in (await api.get(URL, headers=headers)).json()["items"])


@pytest.mark.parametrize(
    ("held_until", "seen"),
    [
        # Of the month of the change, the bill was there before the change.
        (date(2026, 8, 20), ["2026-06", "2026-07", "2026-08"]),
        # In China it was made on the day after.
        (date(2026, 8, 9), ["2026-06", "2026-07"]),
        (date(2026, 7, 31), ["2026-06", "2026-07"]),
        (date(2026, 7, 30), ["2026-06"]),
        (date(2026, 5, 15), []),
        (None, []),
    ],
)
async def test_a_former_holder_sees_nothing_later_than_the_day(
    api: httpx.AsyncClient,
    database: Database,
    tokens: Tokens,
    provider_id: UUID,
    held_until: date | None,
    seen: list[str],
) -> None:
    person = new_id()
    bills = {
        f"2026-{month:02}": a_bill(provider_id, period=date(2026, month, 1), created_at=moment(f"2026-{made}"))
        for month, made in ((6, "07-05"), (7, "08-05"), (8, "08-09T16:30:00"), (9, "09-02"))
    }
    binding = a_binding(person, provider_id)
    binding.ended_at, binding.held_until = moment("2026-10-01"), held_until
    await save(database, binding, *bills.values())
    headers = tokens.resident(person)
    assert await periods(api, headers) == seen
    for period, bill in bills.items():
        status = 200 if period in seen else 404
        for path in (f"{URL}/{bill.id}", f"{URL}/{bill.id}/versions"):
            assert (await api.get(path, headers=headers)).status_code == status, period
        body = {"bill_ids": [str(bill.id)], "channel": "sandbox"}
        paying = await api.post("/payments/v1/payments", json=body, headers=headers | once())
        assert paying.status_code == (201 if period in seen else 404)
    used = await api.get("/payments/v1/usage", params={"from": "2026-06", "to": "2026-09"}, headers=headers)
    months = [month for account in used.json()["accounts"] for month in account["months"]]
    assert [month["month"] for month in months if month["usage"] is not None] == seen


async def test_the_next_holder_sees_the_bills_since_the_change(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person = new_id()
    binding = a_binding(person, provider_id)
    binding.held_from = date(2026, 8, 21)
    bills = [a_bill(provider_id, period=date(2026, month, 1)) for month in (7, 8, 9)]
    await save(database, binding, *bills)
    assert await periods(api, tokens.resident(person)) == ["2026-08", "2026-09"]


async def test_one_who_comes_back_does_not_see_the_time_of_the_holder_between(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person = new_id()
    before, since = a_binding(person, provider_id), a_binding(person, provider_id)
    before.ended_at, before.held_until = moment("2026-04-01"), date(2026, 3, 31)
    since.held_from = date(2026, 8, 1)
    await save(database, before, since, *(a_bill(provider_id, period=date(2026, month, 1)) for month in (3, 4, 7, 8)))
    assert await periods(api, tokens.resident(person)) == ["2026-03", "2026-08"]


async def test_events_in_any_order_say_whose_time_it_was(tx: AsyncSession) -> None:
    data = {
        "binding_id": str(new_id()),
        "person_id": str(new_id()),
        "provider_id": str(new_id()),
        "account_number": ACCOUNT,
    }
    events = [
        Event("account_binding.ended", data | {"held_until": "2026-08-20"}, 5),
        Event("account_binding.activated", data | {"role": "owner", "held_from": "2026-01-01"}),
    ]
    for event in events:
        await event.consume(tx, handlers(mandates.binding_ended))
    binding = await tx.get_one(AccountBinding, UUID(data["binding_id"]), populate_existing=True)
    assert (binding.role, binding.held_from, binding.held_until) == ("owner", date(2026, 1, 1), date(2026, 8, 20))
    assert binding.ended_at is not None
    assert binding.ended_at < now()
