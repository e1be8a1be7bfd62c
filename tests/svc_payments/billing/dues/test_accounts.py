"""All accounts of a person on one page, with what is due on each."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from kit.calendar import today
from svc_payments.billing.bills.models import BillStatus
from svc_payments.parties.providers.models import Provider
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, save

ACCOUNTS = "/payments/v1/accounts"
KINDS = ("water", "electricity", "gas", "heating", "telecom", "cable_tv")
SOON, LATER = today() + timedelta(days=5), today() + timedelta(days=35)


async def accounts(api: httpx.AsyncClient, tokens: Tokens, person_id: UUID, **query: Any) -> dict[str, Any]:  # noqa: ANN401
    answer = await api.get(ACCOUNTS, params=query, headers=tokens.resident(person_id))
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def test_six_utilities_are_on_one_page(api: httpx.AsyncClient, database: Database, tokens: Tokens) -> None:
    person = new_id()
    for kind in KINDS:
        company = Provider(provider_id=new_id(), kind=kind, name=kind, endpoint_url="http://127.0.0.1:1", as_of=now())
        await save(database, company, a_binding(person, company.provider_id))
        await save(database, a_bill(company.provider_id, due_date=SOON), a_bill(new_id(), due_date=SOON))
    items = (await accounts(api, tokens, person))["items"]
    assert [each["utility"] for each in items] == [*reversed(KINDS)]
    assert {(each["bills_due"], each["due_fen"], each["next_due_date"]) for each in items} == {
        (1, 2760, SOON.isoformat())
    }
    first = await accounts(api, tokens, person, limit=4)
    second = await accounts(api, tokens, person, limit=4, cursor=first["next_cursor"])
    assert first["items"] + second["items"] == items
    assert (await accounts(api, tokens, new_id()))["items"] == []


async def test_what_is_due_is_counted_and_what_is_not_is_left_out(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person = new_id()
    due = a_bill(provider_id, period=date(2026, 8, 1), due_date=today() - timedelta(days=1))
    paying = a_bill(provider_id, period=date(2026, 9, 1), due_date=LATER, status=BillStatus.PAYING)
    paid = a_bill(provider_id, period=date(2026, 10, 1), status=BillStatus.PAID, paid_fen=2760)
    void = a_bill(provider_id, period=date(2026, 11, 1), status=BillStatus.VOID)
    await save(database, a_binding(person, provider_id), due, paying, paid, void)
    (account,) = (await accounts(api, tokens, person))["items"]
    assert (account["bills_due"], account["due_fen"], account["more_due"]) == (2, 5520, False)
    assert (account["overdue"], account["paying"]) == (True, True)
    assert account["next_due_date"] == due.due_date.isoformat()
    latest = account["latest_bill"]
    assert (latest["bill_id"], latest["period"], latest["status"]) == (str(paid.id), "2026-10", "paid")


@pytest.mark.parametrize(("role", "counted"), [("owner", 2), ("family", 2), ("tenant", 1)])
async def test_each_role_has_its_own_figures(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID, role: str, counted: int
) -> None:
    binding = a_binding(new_id(), provider_id)
    binding.role = role
    if role == "tenant":
        binding.starts_on, binding.access_until = date(2026, 9, 1), today()
    bills = [a_bill(provider_id, period=date(2026, month, 1), due_date=LATER) for month in (8, 9)]
    await save(database, binding, *bills)
    (account,) = (await accounts(api, tokens, binding.person_id))["items"]
    assert (account["role"], account["bills_due"], account["due_fen"]) == (role, counted, counted * 2760)


async def test_an_account_whose_access_is_over_is_not_listed(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person = new_id()
    over, ended, kept = (a_binding(person, provider_id, number) for number in ("1000000005", "1000000013", "x"))
    over.role, over.access_until = "family", today() - timedelta(days=1)
    ended.ended_at, ended.held_until = now(), today()
    await save(database, over, ended, kept)
    assert [each["account_number"] for each in (await accounts(api, tokens, person))["items"]] == ["x"]


async def test_very_many_bills_are_not_all_read(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person = new_id()
    bills = [a_bill(provider_id, due_date=today() + timedelta(days=1 + number)) for number in range(61)]
    await save(database, a_binding(person, provider_id), *bills)
    (account,) = (await accounts(api, tokens, person))["items"]
    assert (account["bills_due"], account["more_due"]) == (60, True)
    assert account["next_due_date"] == (today() + timedelta(days=1)).isoformat()
