"""Charts: own spending by month and utility in fen, and usage compared with the year before."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.billing.bills.models import BillKind, BillStatus
from svc_payments.collection.payments.models import PaymentStatus
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.providers.models import Provider
from tests.svc_payments import past
from tests.svc_payments.past import china


class Charts:
    def __init__(self, api: httpx.AsyncClient, tokens: Tokens, person_id: UUID) -> None:
        self._api, self._headers = api, tokens.resident(person_id)

    async def get(self, what: str, **query: str) -> httpx.Response:
        names = {name.removesuffix("_"): value for name, value in query.items()}
        return await self._api.get(f"/payments/v1/{what}", params=names, headers=self._headers)

    async def spending(self, **query: str) -> dict[str, Any]:
        answer = await self.get("spending", **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def nets(self, **query: str) -> list[tuple[str | None, str | None, int]]:
        items = (await self.spending(**query))["items"]
        return [(item["month"], item["utility"], item["net_fen"]) for item in items]

    async def usage(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.get("usage", **query)
        assert answer.status_code == 200, answer.text
        accounts: list[dict[str, Any]] = answer.json()["accounts"]
        return accounts


@pytest.fixture
def person_id() -> UUID:
    return new_id()


@pytest.fixture
def charts(api: httpx.AsyncClient, tokens: Tokens, person_id: UUID) -> Charts:
    return Charts(api, tokens, person_id)


async def gas_provider(database: Database) -> UUID:
    provider = Provider(provider_id=new_id(), kind="gas", name="Sample", endpoint_url="http://127.0.0.1:1", as_of=now())
    await past.save(database, provider)
    return provider.provider_id


async def test_months_are_those_of_china_at_both_ends_of_a_year(
    charts: Charts, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    for at, fen in (
        (china(2027, 12, 31, 23, 59), 1),
        (china(2028, 1, 1, 0), 10),
        (china(2028, 2, 29, 23, 59), 100),
        (china(2028, 3, 1, 0), 1_000),
    ):
        await past.add_payment(database, person_id, provider_id, at, fen)
    year = {"from_": "2027-12", "to": "2028-03", "by": "month"}
    assert await charts.nets(**year) == [
        ("2027-12", None, 1),
        ("2028-01", None, 10),
        ("2028-02", None, 100),
        ("2028-03", None, 1_000),
    ]
    assert await charts.nets(from_="2028-02", to="2028-02", by="month") == [("2028-02", None, 100)]


async def test_utilities_and_both_together(
    charts: Charts, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    gas = await gas_provider(database)
    for provider, month, fen in ((provider_id, 1, 100), (provider_id, 2, 200), (gas, 2, 700)):
        await past.add_payment(database, person_id, provider, china(2026, month, 10), fen)
    period = {"from_": "2026-01", "to": "2026-12"}
    assert await charts.nets(**period, by="utility") == [(None, "gas", 700), (None, "water", 300)]
    both = [("2026-01", "water", 100), ("2026-02", "gas", 700), ("2026-02", "water", 200)]
    assert await charts.nets(**period) == await charts.nets(**period, by="utility,month") == both
    assert (await charts.spending(**period))["net_fen"] == 1_000


async def test_refunds_are_not_spending(charts: Charts, database: Database, provider_id: UUID, person_id: UUID) -> None:
    at = china(2026, 5, 1)
    await past.add_payment(database, person_id, provider_id, at, 1_000, refunded_fen=250)
    await past.add_payment(database, person_id, provider_id, at, 500, status=PaymentStatus.REFUNDED, refunded_fen=500)
    await past.add_payment(database, person_id, provider_id, at, 9_000, status=PaymentStatus.EXPIRED)
    (part,) = (await charts.spending(from_="2026-05", to="2026-05"))["items"]
    assert (part["payments"], part["paid_fen"], part["refunded_fen"], part["net_fen"]) == (2, 1_500, 750, 750)


async def test_only_own_spending_is_shown(charts: Charts, database: Database, provider_id: UUID) -> None:
    await past.add_payment(database, new_id(), provider_id, china(2026, 5, 1))
    assert await charts.nets(from_="2026-01", to="2026-12") == []


async def test_by_default_it_is_the_last_twelve_months(charts: Charts) -> None:
    found = await charts.spending()
    first, last = date.fromisoformat(f"{found['first_month']}-01"), date.fromisoformat(f"{found['last_month']}-01")
    assert (last.year - first.year) * 12 + last.month - first.month == 11
    only_last = await charts.spending(to="2026-03")
    assert (only_last["first_month"], only_last["last_month"]) == ("2025-04", "2026-03")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from_": "2026-13"}, "invalid_request"),
        ({"from_": "0000-01"}, "invalid_request"),
        ({"to": "2026-1"}, "invalid_request"),
        ({"by": "person"}, "invalid_request"),
        ({"from_": "2026-02", "to": "2026-01"}, "period_backwards"),
        ({"from_": "2020-01", "to": "2025-01"}, "period_too_long"),
    ],
    ids=str,
)
@pytest.mark.parametrize("what", ["spending", "usage"])
async def test_invalid_periods_are_refused(charts: Charts, what: str, query: dict[str, str], code: str) -> None:
    if what == "usage" and "by" in query:
        return
    answer = await charts.get(what, **query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


class TestUsage:
    @pytest.fixture(autouse=True)
    async def bound(self, database: Database, provider_id: UUID, person_id: UUID) -> None:
        binding = AccountBinding(
            binding_id=new_id(),
            person_id=person_id,
            provider_id=provider_id,
            account_number=past.ACCOUNT,
            role="owner",
        )
        async with database.transaction() as tx:
            tx.add(binding)

    @staticmethod
    async def bill(database: Database, provider_id: UUID, period: date, usage: int, **fields: Any) -> None:  # noqa: ANN401 - columns
        await past.save(database, past.a_bill(provider_id, usage * 100, period=period, usage=usage, **fields))

    async def test_each_month_stands_beside_that_of_the_year_before(
        self, charts: Charts, database: Database, provider_id: UUID
    ) -> None:
        for period, usage in ((date(2025, 12, 1), 7), (date(2026, 12, 1), 9), (date(2027, 1, 1), 4)):
            await self.bill(database, provider_id, period, usage)
        (account,) = await charts.usage(from_="2026-12", to="2027-02")
        assert (account["account_number"], account["utility"]) == (past.ACCOUNT, "water")
        assert account["months"] == [
            self.month("2026-12", "9", 900, "7", 700),
            self.month("2027-01", "4", 400, None, None),
            self.month("2027-02", None, None, None, None),
        ]

    @staticmethod
    def month(*values: str | int | None) -> dict[str, str | int | None]:
        names = ("month", "usage", "billed_fen", "last_year_usage", "last_year_billed_fen")
        return dict(zip(names, values, strict=True))

    async def test_withdrawn_bills_and_money_paid_ahead_are_no_usage(
        self, charts: Charts, database: Database, provider_id: UUID
    ) -> None:
        month = date(2026, 12, 1)
        await self.bill(database, provider_id, month, 5)
        await self.bill(database, provider_id, month, 50, status=BillStatus.VOID)
        await self.bill(database, provider_id, month, 500, kind=BillKind.ADVANCE)
        (account,) = await charts.usage(from_="2026-12", to="2026-12")
        assert [used["usage"] for used in account["months"]] == ["5"]

    async def test_accounts_of_others_are_not_in_it(
        self, charts: Charts, database: Database, provider_id: UUID
    ) -> None:
        await self.bill(database, provider_id, date(2026, 12, 1), 5, account_number="6540000021")
        assert await charts.usage(from_="2026-12", to="2026-12") == []
