"""Reminders: the right people, the right day in China, once; and quiet about what is paid, being paid or withdrawn."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from chassis.db import Database, new_id
from chassis.testing import emitted
from svc_payments.billing.bills.models import Bill, BillStatus
from svc_payments.billing.reminders import service
from svc_payments.billing.reminders.models import MutedReminder, Reminder, ReminderKind, ReminderRun
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.settings import Settings
from tests.svc_payments import past
from tests.svc_payments.past import china

TODAY = date(2026, 11, 20)
Clock = Callable[[datetime], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets what the service takes for the database's time; at first nine in the morning of TODAY."""

    def at(moment: datetime) -> None:
        async def database_time(_: object) -> datetime:
            return moment

        monkeypatch.setattr(service, "database_time", database_time)

    at(china(TODAY.year, TODAY.month, TODAY.day, 9))
    return at


class Accounts:
    """One account with the people bound to it, its bills, and what was raised."""

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
        await past.keep(self.database, bill)
        return bill.id

    async def run(self) -> None:
        await service.raise_reminders(self.database, self.settings)

    async def raised(self) -> list[tuple[UUID, str, int]]:
        """Whom, of what kind, at which stage; in the order of raising."""
        async with self.database.read() as tx:
            found = await tx.scalars(select(Reminder).order_by(Reminder.id))
            return [(reminder.person_id, reminder.kind, reminder.stage) for reminder in found]

    async def kinds(self) -> list[tuple[str, int]]:
        await self.run()
        return [(kind, stage) for _, kind, stage in await self.raised()]


@pytest.fixture
async def accounts(database: Database, settings: Settings, provider_id: UUID, clock: Clock) -> Accounts:
    accounts = Accounts(database, settings, provider_id)
    await accounts.bind(accounts.owner)
    return accounts


@pytest.mark.parametrize(
    ("due_in", "kinds"),
    [
        (4, []),
        (3, [("due_soon", 0)]),
        (0, [("due_soon", 0)]),
        (-1, [("overdue", 1)]),
        (-6, [("overdue", 1)]),
        (-7, [("overdue", 7)]),
        (-29, [("overdue", 7)]),
        (-30, [("overdue", 30)]),
        (-37, [("overdue", 30)]),
        (-38, []),
    ],
)
async def test_a_bill_is_spoken_of_by_its_days(accounts: Accounts, due_in: int, kinds: list[tuple[str, int]]) -> None:
    await accounts.bill(due_in)
    assert await accounts.kinds() == kinds


async def test_days_are_those_of_china_and_leap_days_count(accounts: Accounts, clock: Clock) -> None:
    await accounts.bill(due_date=date(2028, 3, 1))
    clock(china(2028, 2, 26, 9))
    assert await accounts.kinds() == []
    # Three days before, by way of the 29th.
    clock(china(2028, 2, 27, 9))
    assert await accounts.kinds() == [("due_soon", 0)]
    clock(china(2028, 3, 2, 9))
    assert await accounts.kinds() == [("due_soon", 0), ("overdue", 1)]


async def test_the_year_changes_in_between(accounts: Accounts, clock: Clock) -> None:
    await accounts.bill(due_date=date(2027, 1, 2))
    clock(china(2026, 12, 30, 9))
    assert await accounts.kinds() == [("due_soon", 0)]
    clock(china(2027, 1, 9, 9))
    assert await accounts.kinds() == [("due_soon", 0), ("overdue", 7)]


async def test_nobody_is_woken_at_night(accounts: Accounts, clock: Clock) -> None:
    await accounts.bill(3)
    clock(china(2026, 11, 20, 8, 59))
    assert await accounts.kinds() == []
    clock(china(2026, 11, 20, 9))
    assert await accounts.kinds() == [("due_soon", 0)]


async def test_each_is_raised_once_however_many_days_go_by(accounts: Accounts, clock: Clock) -> None:
    await accounts.bill(3)
    for day in range(40):
        clock(china(2026, 11, 20, 9) + timedelta(days=day))
        await accounts.run()
    assert [kind for _, *kind in await accounts.raised()] == [
        ["due_soon", 0],
        ["overdue", 1],
        ["overdue", 7],
        ["overdue", 30],
    ]


@pytest.mark.parametrize("status", sorted(set(BillStatus) - {BillStatus.DUE, BillStatus.SUPERSEDED}))
async def test_quiet_about_what_is_not_waiting(accounts: Accounts, status: BillStatus) -> None:
    paid = 4140 if status in {BillStatus.PAID, BillStatus.POSTED} else 0
    await accounts.bill(3, status=status, paid_fen=paid, booked_fen=paid if status == BillStatus.POSTED else 0)
    assert await accounts.kinds() == []


async def test_a_bill_that_is_due_again_is_spoken_of_where_it_stands(accounts: Accounts, clock: Clock) -> None:
    bill_id = await accounts.bill(3, status=BillStatus.PAYING)
    assert await accounts.kinds() == []
    async with accounts.database.transaction() as tx:
        await tx.execute(update(Bill).where(Bill.id == bill_id).values(status=BillStatus.DUE))
    clock(china(2026, 11, 21, 9))
    assert await accounts.kinds() == [("due_soon", 0)]


async def test_everybody_bound_is_told_and_nobody_else(accounts: Accounts) -> None:
    family, tenant, neighbour, gone = new_id(), new_id(), new_id(), new_id()
    await accounts.bind(family, "family")
    await accounts.bind(tenant, "tenant")
    await accounts.bind(neighbour, account="6540000021")
    ended = await accounts.bind(gone)
    async with accounts.database.transaction() as tx:
        over = update(AccountBinding).where(AccountBinding.binding_id == ended).values(ended_at=china(2026, 11, 1))
        await tx.execute(over)
    await accounts.bill(3)
    await accounts.run()
    assert {person for person, *_ in await accounts.raised()} == {accounts.owner, family, tenant}


async def test_the_event_says_what_is_owed_and_nothing_personal(accounts: Accounts) -> None:
    bill_id = await accounts.bill(-7, paid_fen=1_000)
    await accounts.run()
    async with accounts.database.read() as tx:
        (event,) = [event for event in await emitted(tx) if ".reminder." in event.type]
    said = dict(event.data)
    assert said.pop("reminder_id") == event.key
    assert said == {
        "person_id": str(accounts.owner),
        "bill_id": str(bill_id),
        "provider_id": str(accounts.provider_id),
        "kind": "overdue",
        "due_date": "2026-11-13",
        "days_overdue": 7,
        "outstanding_fen": 3140,
        "currency": "CNY",
        "compared_with": None,
        "usual_fen": None,
    }


async def test_two_workers_at_once_tell_everybody_once(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BILLS_IN_A_STEP", 3)
    for number in range(20):
        await accounts.bill(number % 4)
    await asyncio.gather(*(accounts.run() for _ in range(4)))
    await accounts.run()
    assert len(await accounts.raised()) == 20
    async with accounts.database.read() as tx:
        (run,) = await tx.scalars(select(ReminderRun))
        told = [event for event in await emitted(tx) if ".reminder." in event.type]
    assert (run.bills, run.reminders, run.finished_at is None, len(told)) == (20, 20, False, 20)


async def test_a_run_goes_on_where_a_dead_worker_left_it(accounts: Accounts) -> None:
    for _ in range(5):
        await accounts.bill(3)
    async with accounts.database.transaction() as tx:
        assert await service.step(tx, accounts.settings, size=2)
    async with accounts.database.sessions() as dying:
        assert await service.step(dying, accounts.settings, size=2)
        await dying.rollback()
    assert len(await accounts.raised()) == 2
    await accounts.run()
    assert len(await accounts.raised()) == 5


async def test_a_step_finds_its_bills_by_an_index(accounts: Accounts) -> None:
    await accounts.bill(3)
    found = """
        EXPLAIN SELECT due_date, id FROM bills
        WHERE (due_date, id) > ('2026-10-01', '00000000-0000-0000-0000-000000000000')
            AND status = 'due' AND kind = 'regular' ORDER BY due_date, id LIMIT 2000
    """
    async with accounts.database.transaction() as tx:
        # A table of one row is read faster without any index; what is asked here is whether one gives the order.
        for way in ("seqscan", "bitmapscan", "sort"):
            await tx.execute(text(f"SET LOCAL enable_{way} = off"))
        plan = "\n".join(await tx.scalars(text(found)))
    assert "due_date" in plan.split("Index Cond")[1]
    assert "Sort  (cost" not in plan


class TestLargeChange:
    """September 2026 against September 2025, or else against June to August."""

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
    async def test_half_as_much_again_or_half_as_much(
        self,
        accounts: Accounts,
        new: dict[str, Any],
        now_fen: int,
        large: bool,  # noqa: FBT001 - a case
    ) -> None:
        await self.before(accounts, 10_000)
        await accounts.bill(amount_fen=now_fen, **new)
        assert await accounts.kinds() == ([("large_change", 0)] if large else [])

    async def test_usage_counts_as_well(self, accounts: Accounts, new: dict[str, Any]) -> None:
        await self.before(accounts, 10_000, usage=10)
        await accounts.bill(amount_fen=12_500, usage=15, **new)
        assert await accounts.kinds() == [("large_change", 0)]

    async def test_little_money_is_never_a_large_change(self, accounts: Accounts, new: dict[str, Any]) -> None:
        await self.before(accounts, 1_000)
        await accounts.bill(amount_fen=2_999, **new)
        assert await accounts.kinds() == []

    async def test_without_last_year_the_last_months_are_usual(self, accounts: Accounts, new: dict[str, Any]) -> None:
        for month in (6, 7, 8):
            await self.before(accounts, 10_000, date(2026, month, 1))
        await accounts.bill(amount_fen=20_000, **new)
        await accounts.run()
        async with accounts.database.read() as tx:
            (reminder,) = await tx.scalars(select(Reminder))
        assert (reminder.compared_with, reminder.usual_fen) == ("last_months", 10_000)

    async def test_last_year_counts_before_the_last_months(self, accounts: Accounts, new: dict[str, Any]) -> None:
        for month in (6, 7, 8):
            await self.before(accounts, 10_000, date(2026, month, 1))
        await self.before(accounts, 19_000)
        await accounts.bill(amount_fen=20_000, **new)
        assert await accounts.kinds() == []

    async def test_two_months_are_no_habit(self, accounts: Accounts, new: dict[str, Any]) -> None:
        for month in (7, 8):
            await self.before(accounts, 10_000, date(2026, month, 1))
        await accounts.bill(amount_fen=90_000, **new)
        assert await accounts.kinds() == []

    async def test_what_others_used_is_not_told_to_a_tenant(self, accounts: Accounts, new: dict[str, Any]) -> None:
        await accounts.bind(new_id(), "tenant")
        await self.before(accounts, 10_000)
        await accounts.bill(amount_fen=90_000, **new)
        await accounts.run()
        assert [person for person, *_ in await accounts.raised()] == [accounts.owner]


async def test_a_muted_kind_is_not_raised_for_that_account_only(accounts: Accounts) -> None:
    other = "6540000021"
    binding = await accounts.bind(person := new_id())
    await accounts.bind(person, account=other)
    async with accounts.database.transaction() as tx:
        tx.add(MutedReminder(binding_id=binding, kind=ReminderKind.DUE_SOON))
    await accounts.bill(3)
    await accounts.bill(-1)
    await accounts.bill(3, account_number=other)
    await accounts.run()
    mine = [(kind, stage) for who, kind, stage in await accounts.raised() if who == person]
    assert sorted(mine) == [("due_soon", 0), ("overdue", 1)]
