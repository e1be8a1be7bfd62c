"""Reminders of bills that are much higher or lower than usual."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from chassis.db import new_id
from svc_payments.billing.bills.models import BillStatus
from svc_payments.billing.reminders.models import Reminder
from tests.svc_payments.billing.reminders.accounts import Accounts
from tests.svc_payments.past import china


class TestLargeChange:
    """September 2026 is compared with September 2025, or else with June to August 2026."""

    @pytest.fixture
    def new(self) -> dict[str, Any]:
        return {"due_in": 20, "created_at": china(2026, 11, 19), "period": date(2026, 9, 1)}

    @staticmethod
    async def before(accounts: Accounts, amount_fen: int, period: date = date(2025, 9, 1), usage: int = 12) -> None:
        paid = {"status": BillStatus.POSTED, "paid_fen": amount_fen, "booked_fen": amount_fen}
        await accounts.bill(amount_fen=amount_fen, period=period, usage=usage, due_in=-300, **paid)

    @pytest.mark.parametrize(
        ("now_fen", "large"), [(14_999, False), (15_000, True), (5_001, False), (5_000, True), (10_000, False)]
    )
    async def test_a_change_by_half_is_large(
        self,
        accounts: Accounts,
        new: dict[str, Any],
        now_fen: int,
        large: bool,  # noqa: FBT001 - a case
    ) -> None:
        await self.before(accounts, 10_000)
        await accounts.bill(amount_fen=now_fen, **new)
        assert await accounts.kinds() == ([("large_change", 0)] if large else [])

    async def test_a_change_of_usage_is_large_too(self, accounts: Accounts, new: dict[str, Any]) -> None:
        await self.before(accounts, 10_000, usage=10)
        await accounts.bill(amount_fen=12_500, usage=15, **new)
        assert await accounts.kinds() == [("large_change", 0)]

    async def test_a_small_amount_is_never_a_large_change(self, accounts: Accounts, new: dict[str, Any]) -> None:
        await self.before(accounts, 1_000)
        await accounts.bill(amount_fen=2_999, **new)
        assert await accounts.kinds() == []

    async def test_without_last_year_the_last_months_are_compared(
        self, accounts: Accounts, new: dict[str, Any]
    ) -> None:
        for month in (6, 7, 8):
            await self.before(accounts, 10_000, date(2026, month, 1))
        await accounts.bill(amount_fen=20_000, **new)
        await accounts.run()
        async with accounts.database.read() as tx:
            (reminder,) = await tx.scalars(select(Reminder))
        assert (reminder.compared_with, reminder.usual_fen) == ("last_months", 10_000)

    async def test_last_year_takes_precedence_over_the_last_months(
        self, accounts: Accounts, new: dict[str, Any]
    ) -> None:
        for month in (6, 7, 8):
            await self.before(accounts, 10_000, date(2026, month, 1))
        await self.before(accounts, 19_000)
        await accounts.bill(amount_fen=20_000, **new)
        assert await accounts.kinds() == []

    async def test_two_months_are_not_enough_to_compare(self, accounts: Accounts, new: dict[str, Any]) -> None:
        for month in (7, 8):
            await self.before(accounts, 10_000, date(2026, month, 1))
        await accounts.bill(amount_fen=90_000, **new)
        assert await accounts.kinds() == []

    async def test_usage_of_former_residents_is_not_shown_to_a_tenant(
        self, accounts: Accounts, new: dict[str, Any]
    ) -> None:
        await accounts.bind(new_id(), "tenant")
        await self.before(accounts, 10_000)
        await accounts.bill(amount_fen=90_000, **new)
        await accounts.run()
        assert [person for person, *_ in await accounts.raised()] == [accounts.owner]
