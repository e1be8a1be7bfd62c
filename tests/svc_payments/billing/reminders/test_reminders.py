"""Reminders go to the right persons, on the right day in China, once, and only about bills that are due."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text, update

from chassis.db import new_id
from chassis.testing import emitted
from svc_payments.billing.bills.models import Bill, BillStatus
from svc_payments.billing.reminders import service
from svc_payments.billing.reminders.models import MutedReminder, ReminderKind, ReminderRun
from svc_payments.parties.accounts.models import AccountBinding
from tests.svc_payments.billing.reminders.accounts import Accounts, Clock
from tests.svc_payments.past import china


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
async def test_the_kind_and_stage_follow_the_due_date(
    accounts: Accounts, due_in: int, kinds: list[tuple[str, int]]
) -> None:
    await accounts.bill(due_in)
    assert await accounts.kinds() == kinds


async def test_days_are_those_of_china_and_leap_days_count(accounts: Accounts, clock: Clock) -> None:
    await accounts.bill(due_date=date(2028, 3, 1))
    clock(china(2028, 2, 26, 9))
    assert await accounts.kinds() == []
    # Three days before: the 27th, as the year has a 29th.
    clock(china(2028, 2, 27, 9))
    assert await accounts.kinds() == [("due_soon", 0)]
    clock(china(2028, 3, 2, 9))
    assert await accounts.kinds() == [("due_soon", 0), ("overdue", 1)]


async def test_days_are_counted_across_the_new_year(accounts: Accounts, clock: Clock) -> None:
    await accounts.bill(due_date=date(2027, 1, 2))
    clock(china(2026, 12, 30, 9))
    assert await accounts.kinds() == [("due_soon", 0)]
    clock(china(2027, 1, 9, 9))
    assert await accounts.kinds() == [("due_soon", 0), ("overdue", 7)]


async def test_no_reminder_is_raised_at_night(accounts: Accounts, clock: Clock) -> None:
    await accounts.bill(3)
    clock(china(2026, 11, 20, 8, 59))
    assert await accounts.kinds() == []
    clock(china(2026, 11, 20, 9))
    assert await accounts.kinds() == [("due_soon", 0)]


async def test_each_stage_is_raised_once(accounts: Accounts, clock: Clock) -> None:
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
async def test_no_reminder_for_a_bill_that_is_not_due(accounts: Accounts, status: BillStatus) -> None:
    paid = 4140 if status in {BillStatus.PAID, BillStatus.POSTED} else 0
    await accounts.bill(3, status=status, paid_fen=paid, booked_fen=paid if status == BillStatus.POSTED else 0)
    assert await accounts.kinds() == []


async def test_a_bill_that_is_due_again_gets_its_current_stage(accounts: Accounts, clock: Clock) -> None:
    bill_id = await accounts.bill(3, status=BillStatus.PAYING)
    assert await accounts.kinds() == []
    async with accounts.database.transaction() as tx:
        await tx.execute(update(Bill).where(Bill.id == bill_id).values(status=BillStatus.DUE))
    clock(china(2026, 11, 21, 9))
    assert await accounts.kinds() == [("due_soon", 0)]


async def test_all_bound_persons_and_no_others_are_reminded(accounts: Accounts) -> None:
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


async def test_the_event_has_the_amount_owed_and_no_personal_data(accounts: Accounts) -> None:
    bill_id = await accounts.bill(-7, paid_fen=1_000)
    await accounts.run()
    async with accounts.database.read() as tx:
        (event,) = [event for event in await emitted(tx) if ".reminder." in event.type]
    data = dict(event.data)
    assert data.pop("reminder_id") == event.key
    assert data == {
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


async def test_concurrent_workers_raise_each_reminder_once(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BILLS_IN_A_STEP", 3)
    for number in range(20):
        await accounts.bill(number % 4)
    await asyncio.gather(*(accounts.run() for _ in range(4)))
    await accounts.run()
    assert len(await accounts.raised()) == 20
    async with accounts.database.read() as tx:
        (run,) = await tx.scalars(select(ReminderRun))
        events = [event for event in await emitted(tx) if ".reminder." in event.type]
    assert (run.bills, run.reminders, run.finished_at is None, len(events)) == (20, 20, False, 20)


async def test_a_run_resumes_after_a_crashed_worker(accounts: Accounts) -> None:
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
        # A table of one row is read without any index; the test is whether an index can give the order.
        for way in ("seqscan", "bitmapscan", "sort"):
            await tx.execute(text(f"SET LOCAL enable_{way} = off"))
        plan = "\n".join(await tx.scalars(text(found)))
    assert "due_date" in plan.split("Index Cond")[1]
    assert "Sort  (cost" not in plan


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


@pytest.mark.parametrize(("held_from", "kinds"), [(date(2026, 9, 30), [("due_soon", 0)]), (date(2026, 10, 1), [])])
async def test_the_next_holder_is_not_reminded_of_bills_from_before(
    accounts: Accounts, held_from: date, kinds: list[tuple[str, int]]
) -> None:
    await accounts.bill(period=date(2026, 9, 1))
    async with accounts.database.transaction() as tx:
        await tx.execute(update(AccountBinding).values(held_from=held_from))
    assert await accounts.kinds() == kinds
