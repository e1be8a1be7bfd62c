"""A clock that the service reads, and an account with an owner."""

from datetime import datetime
from uuid import UUID

import pytest

from chassis.db import Database
from svc_payments.billing.reminders import service
from svc_payments.settings import Settings
from tests.svc_payments.billing.reminders.accounts import TODAY, Accounts, Clock
from tests.svc_payments.past import china


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the database time that the service reads; 09:00 on TODAY at first."""

    def at(moment: datetime) -> None:
        async def database_time(_: object) -> datetime:
            return moment

        monkeypatch.setattr(service, "database_time", database_time)

    at(china(TODAY.year, TODAY.month, TODAY.day, 9))
    return at


@pytest.fixture
async def accounts(database: Database, settings: Settings, provider_id: UUID, clock: Clock) -> Accounts:
    accounts = Accounts(database, settings, provider_id)
    await accounts.bind(accounts.owner)
    return accounts
