"""An account with bindings and bills, for which reminders are raised."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from chassis.db import Database, new_id
from svc_payments.billing.reminders import service
from svc_payments.billing.reminders.models import Reminder
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.settings import Settings
from tests.svc_payments import past
from tests.svc_payments.past import china

TODAY = date(2026, 11, 20)


Clock = Callable[[datetime], None]


class Accounts:
    """One account with its bindings, its bills, and the reminders raised."""

    def __init__(self, database: Database, settings: Settings, provider_id: UUID) -> None:
        self.database, self.settings, self.provider_id = database, settings, provider_id
        self.owner = new_id()

    async def bind(self, person_id: UUID, role: str | None = "owner", account: str = past.ACCOUNT) -> UUID:
        binding = AccountBinding(
            binding_id=new_id(),
            person_id=person_id,
            provider_id=self.provider_id,
            account_number=account,
            role=role,
        )
        async with self.database.transaction() as tx:
            tx.add(binding)
        return binding.binding_id

    async def bill(self, due_in: int = 3, amount_fen: int = 4140, **fields: Any) -> UUID:  # noqa: ANN401 - columns
        usual = {"due_date": TODAY + timedelta(days=due_in), "created_at": china(2026, 10, 1)}
        bill = past.a_bill(self.provider_id, amount_fen, **usual | fields)
        await past.save(self.database, bill)
        return bill.id

    async def run(self) -> None:
        await service.raise_reminders(self.database, self.settings)

    async def raised(self) -> list[tuple[UUID, str, int]]:
        """(person, kind, stage) of each reminder, in the order of raising."""
        async with self.database.read() as tx:
            found = await tx.scalars(select(Reminder).order_by(Reminder.id))
            return [(reminder.person_id, reminder.kind, reminder.stage) for reminder in found]

    async def kinds(self) -> list[tuple[str, int]]:
        await self.run()
        return [(kind, stage) for _, kind, stage in await self.raised()]
