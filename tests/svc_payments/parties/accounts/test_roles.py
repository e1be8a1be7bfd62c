"""Family and tenants: what they see and pay, until when, and what stays theirs afterwards."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import CHINA, Database, new_id
from chassis.testing import Tokens, once
from kit.calendar import today
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.mandates import service as mandates
from svc_payments.parties.accounts.consumers import handlers
from tests.svc_payments.billing.bills.factories import a_bill, save
from tests.svc_payments.parties.events import Event

BILLS, PAYMENTS, MANDATES, USAGE = (f"/payments/v1/{name}" for name in ("bills", "payments", "mandates", "usage"))
ACCOUNT = "1000000005"


@dataclass
class Guest:
    """Somebody whom the owner has invited, by the events that say so."""

    api: httpx.AsyncClient
    database: Database
    tokens: Tokens
    provider_id: UUID
    person_id: UUID = field(default_factory=new_id)
    binding_id: UUID = field(default_factory=new_id)

    @property
    def headers(self) -> dict[str, str]:
        return self.tokens.resident(self.person_id)

    async def consume(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - JSON
        ids = {"binding_id": self.binding_id, "person_id": self.person_id, "provider_id": self.provider_id}
        data = {name: str(value) for name, value in ids.items()} | {"account_number": ACCOUNT, **data}
        async with self.database.transaction() as tx:
            await Event(f"account_binding.{kind}", data).consume(tx, handlers(mandates.binding_ended))

    async def join(self, role: str, *, starts_on: date | None = None, until: date | None = None) -> None:
        days = {"starts_on": starts_on, "access_until": until}
        await self.consume("activated", role=role, **{name: day and day.isoformat() for name, day in days.items()})

    async def leave(self, **data: Any) -> None:  # noqa: ANN401 - JSON
        await self.consume("ended", **data)

    async def periods(self) -> list[str]:
        listed = (await self.api.get(BILLS, headers=self.headers)).json()["items"]
        return sorted(bill["period"] for bill in listed)

    async def get(self, path: str) -> int:
        return (await self.api.get(path, headers=self.headers)).status_code

    async def pay(self, bill: Bill) -> httpx.Response:
        body = {"bill_ids": [str(bill.id)], "channel": "sandbox"}
        return await self.api.post(PAYMENTS, json=body, headers=self.headers | once())


@pytest.fixture
def guest(api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID) -> Guest:
    return Guest(api, database, tokens, provider_id)


def issued(provider_id: UUID, period: date, on: date) -> Bill:
    return a_bill(provider_id, period=period, created_at=datetime(on.year, on.month, on.day, 9, tzinfo=CHINA))


async def test_a_tenant_sees_what_is_issued_within_the_tenancy(guest: Guest, database: Database) -> None:
    before = issued(guest.provider_id, date(2026, 8, 1), date(2026, 9, 3))
    advance_notice = issued(guest.provider_id, date(2026, 9, 1), date(2026, 9, 3))
    first = issued(guest.provider_id, date(2026, 9, 1), date(2026, 10, 3))
    late = issued(guest.provider_id, date(2026, 8, 1), date(2026, 10, 3))
    await save(database, before, advance_notice, first, late)
    await guest.join("tenant", starts_on=date(2026, 9, 10), until=today())
    assert await guest.periods() == ["2026-09"]
    for bill, status in ((before, 404), (advance_notice, 404), (late, 404), (first, 200)):
        assert await guest.get(f"{BILLS}/{bill.id}") == status
        assert await guest.get(f"{BILLS}/{bill.id}/versions") == status
        assert (await guest.pay(bill)).status_code == (201 if status == 200 else 404)


async def test_a_tenancy_does_not_reach_behind_a_change_of_holders(guest: Guest, database: Database) -> None:
    await save(database, *(issued(guest.provider_id, date(2026, month, 1), date(2026, 11, 3)) for month in (7, 8, 9)))
    await guest.consume("activated", role="tenant", starts_on="2026-07-01", held_from="2026-09-01")
    assert await guest.periods() == ["2026-09"]


@pytest.mark.parametrize("role", ["family", "tenant"])
async def test_access_ends_with_its_last_day_before_any_event(guest: Guest, database: Database, role: str) -> None:
    bill = issued(guest.provider_id, date(2026, 10, 1), date(2026, 11, 3))
    await save(database, bill)
    await guest.join(role, starts_on=date(2026, 10, 1), until=today() - timedelta(days=1))
    assert await guest.periods() == []
    assert await guest.get(f"{BILLS}/{bill.id}") == 404
    assert (await guest.pay(bill)).status_code == 404
    for path, more in ((PAYMENTS, {"amount_fen": 2760}), (MANDATES, {"limit_fen": 10_000})):
        body = {"provider_id": str(guest.provider_id), "account_number": ACCOUNT, "channel": "sandbox", **more}
        answer = await guest.api.post(path, json=body, headers=guest.headers | once())
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await guest.api.get(USAGE, headers=guest.headers)).json()["accounts"] == []


async def test_after_the_end_the_bills_are_gone_and_the_own_payment_stays(guest: Guest, database: Database) -> None:
    bills = [issued(guest.provider_id, date(2026, month, 1), date(2026, 11, 3)) for month in (8, 9)]
    await save(database, *bills)
    await guest.join("family")
    assert await guest.periods() == ["2026-08", "2026-09"]
    paid = await guest.pay(bills[0])
    assert paid.status_code == 201
    await guest.leave()
    assert await guest.periods() == []
    assert (await guest.pay(bills[1])).status_code == 404
    mine = await guest.api.get(f"{PAYMENTS}/{paid.json()['payment_id']}", headers=guest.headers)
    assert (mine.status_code, mine.json()["amount_fen"]) == (200, 2760)


async def test_an_invited_person_keeps_no_bills_when_the_account_changes_hands(
    guest: Guest, database: Database
) -> None:
    """Also if an event said so: what a former holder keeps is the holder's."""
    await save(database, issued(guest.provider_id, date(2026, 9, 1), date(2026, 10, 3)))
    await guest.join("family")
    await guest.leave(held_until=today().isoformat())
    assert await guest.periods() == []


async def test_usage_is_that_of_the_tenancy(guest: Guest, database: Database) -> None:
    month = today().replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    await save(database, *(issued(guest.provider_id, each, today()) for each in (month, before)))
    await guest.join("tenant", starts_on=month, until=today())
    (account,) = (await guest.api.get(USAGE, headers=guest.headers)).json()["accounts"]
    assert [each["usage"] is not None for each in account["months"]][-2:] == [False, True]
