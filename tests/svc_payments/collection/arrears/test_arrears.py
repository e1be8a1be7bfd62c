"""What is due of the bills of an arrears notice is said whenever it has changed, and only then."""

import asyncio
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

import pytest_asyncio
from sqlalchemy import select, text

from chassis.db import new_id
from contracts.reference_provider.roster import account_number
from kit.calendar import today
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.arrears.consumers import HANDLERS
from svc_payments.collection.arrears.service import follow
from tests.svc_payments.parties.events import Event
from tests.svc_payments.world import SEED, World


@dataclass
class Notice:
    world: World
    bill_ids: list[UUID]
    person_id: UUID
    numbers: list[str]
    period: date
    came_on: date
    """Both bills were overdue by their due dates when they came."""
    notice_id: UUID = field(default_factory=new_id)

    async def moved(self, status: str, account: int = 0) -> None:
        """svc_services says of a step."""
        said = {
            "notice_id": str(self.notice_id),
            "status": status,
            "provider_id": str(self.world.provider_id),
            "account_number": account_number(SEED, account),
            "bill_numbers": self.numbers,
        }
        async with self.world.database.transaction() as tx:
            await Event("arrears_notice.moved", said).consume(tx, HANDLERS)

    async def said(self) -> list[tuple[int, int, bool, int]]:
        """What was said after another look: number, amount, whether it is being paid, unknown bills."""
        await follow(self.world.database)
        found = [each.data for each in await self.world.events() if ".arrears." in each.type]
        return [
            (each["sequence"], each["outstanding_fen"], each["being_paid"], each["unknown_bills"]) for each in found
        ]

    async def run(self, statement: str) -> None:
        async with self.world.database.transaction() as tx:
            await tx.execute(text(statement), {"bill_id": self.bill_ids[0]})


@pytest_asyncio.fixture
async def notice(world: World) -> Notice:
    person = new_id()
    first = await world.bill(person, 4000)
    async with world.database.transaction() as tx:
        kept = (await tx.scalars(select(Bill).where(Bill.id == first))).one()
        names = ("provider_id", "account_number", "period", "usage", "due_date", "bill_file_id")
        same = {name: getattr(kept, name) for name in names}
        second = Bill(id=new_id(), bill_number="B-second", amount_fen=2500, **same)
        tx.add(second)
    return Notice(world, [first, second.id], person, [kept.bill_number, "B-second", "B-none"], kept.period, today())


async def test_each_change_is_said_once(notice: Notice) -> None:
    await notice.moved("open")
    assert await notice.said() == [(1, 6500, False, 1)]
    assert await notice.said() == [(1, 6500, False, 1)]
    payment_id = await notice.world.confirmed(notice.person_id, notice.bill_ids[0])
    assert (await notice.said())[1:] == [(2, 6500, True, 1)]
    answer = await notice.world.notify(notice.world.notice_of(await notice.world.pay(payment_id)))
    assert answer.status_code == 204
    assert (await notice.said())[2:] == [(3, 2500, False, 1)]
    await notice.world.captured(notice.person_id, notice.bill_ids[1])
    assert (await notice.said())[3:] == [(4, 0, False, 1)]
    events = [each.data for each in await notice.world.events() if ".arrears." in each.type]
    assert [each["paid_at"] is not None for each in events] == [False, False, True, True]
    assert [each["overdue_since"] for each in events] == [str(notice.came_on)] * 3 + [None]
    assert [each["first_period"] for each in events] == [str(notice.period)] * 3 + [None]


async def test_a_withdrawn_bill_is_not_due_and_a_foreign_one_is_none(notice: Notice) -> None:
    await notice.moved("open")
    await notice.said()
    await notice.run("UPDATE bills SET status = 'void' WHERE id = :bill_id")
    assert (await notice.said())[1:] == [(2, 2500, False, 1)]
    other = Notice(notice.world, notice.bill_ids, notice.person_id, notice.numbers, notice.period, notice.came_on)
    await other.moved("open", account=5)
    assert (await other.said())[2:] == [(1, 0, False, 3)]


async def test_a_notice_that_is_over_is_looked_at_no_more(notice: Notice) -> None:
    await notice.moved("open")
    await notice.said()
    await notice.moved("settled")
    await notice.moved("open")  # a replay
    await notice.run("UPDATE bills SET status = 'void' WHERE id = :bill_id")
    assert await notice.said() == [(1, 6500, False, 1)]


async def test_an_end_that_is_heard_of_first_is_the_end(notice: Notice) -> None:
    await notice.moved("withdrawn")
    await notice.moved("open")
    assert await notice.said() == []


async def test_two_workers_say_a_change_once(notice: Notice) -> None:
    await notice.moved("open")
    await asyncio.gather(*(follow(notice.world.database) for _ in range(4)))
    assert await notice.said() == [(1, 6500, False, 1)]


async def test_a_question_before_a_cut_off_is_answered_with_what_is_so_then(notice: Notice) -> None:
    await notice.moved("open")
    await notice.said()
    await notice.world.confirmed(notice.person_id, notice.bill_ids[0])
    asked = {"notice_id": str(notice.notice_id), "check_id": str(new_id())}
    async with notice.world.database.transaction() as tx:
        await Event("arrears_notice.cut_off_asked", asked).consume(tx, HANDLERS)
    events = [each.data for each in await notice.world.events() if ".arrears." in each.type]
    assert [(each["sequence"], each["being_paid"], each["check_id"]) for each in events] == [
        (1, False, None),
        (2, True, asked["check_id"]),
    ]
    assert len(await notice.said()) == 2
    await notice.moved("withdrawn")
    async with notice.world.database.transaction() as tx:
        await Event("arrears_notice.cut_off_asked", asked).consume(tx, HANDLERS)
    assert len(await notice.said()) == 2


async def test_a_bill_is_overdue_from_the_later_of_its_due_date_and_its_coming(notice: Notice) -> None:
    """All bills count, so that one fen of an old one brings no cut-off for a new one."""
    await notice.moved("open")
    await notice.said()
    await notice.run("UPDATE bills SET created_at = created_at - interval '90 days', due_date = current_date - 60")
    await notice.said()
    await notice.run("UPDATE bills SET due_date = current_date + 20 WHERE id = :bill_id")
    await notice.said()
    said = [each.data["overdue_since"] for each in await notice.world.events() if ".arrears." in each.type]
    async with notice.world.database.read() as tx:
        now = (await tx.execute(text("SELECT current_date"))).scalar_one()
    assert said == [str(notice.came_on), str(now - timedelta(days=60)), str(now + timedelta(days=20))]
