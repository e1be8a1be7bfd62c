"""Bills past their last day expire, and cannot be paid."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from chassis.db import Database, new_id
from chassis.testing import emitted
from kit.calendar import today
from svc_payments.billing.bills import changes, service
from svc_payments.billing.bills.models import Bill, BillVersion
from svc_payments.billing.bills.service import BillNotPayable
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, save


async def test_bills_past_their_last_day_expire(database: Database, provider_id: UUID) -> None:
    yesterday = today() - timedelta(days=1)
    over = [a_bill(provider_id, expires_on=yesterday) for _ in range(3)]
    others = [
        a_bill(provider_id, expires_on=today()),
        a_bill(provider_id),
        a_bill(provider_id, expires_on=yesterday, status="paying"),
        a_bill(provider_id, expires_on=yesterday, paid_fen=1),
    ]
    await save(database, *over, *others)
    async with database.transaction() as tx:
        assert await changes.expire_overdue(tx) == 3
    async with database.transaction() as tx:
        assert await changes.expire_overdue(tx) == 0
    async with database.read() as tx:
        now = {bill.id: bill.status for bill in await tx.scalars(select(Bill))}
        events = await emitted(tx)
        versions = set(await tx.scalars(select(BillVersion.bill_id)))
    assert {now[bill.id] for bill in over} == {"expired"}
    assert [now[bill.id] for bill in others] == ["due", "due", "paying", "due"]
    assert {event.key for event in events} == {str(bill.id) for bill in over}
    assert {event.data["reason"] for event in events} == {"past_expiry"}
    assert versions == {bill.id for bill in over}


async def test_concurrent_workers_expire_a_bill_once(database: Database, provider_id: UUID) -> None:
    await save(database, *(a_bill(provider_id, expires_on=today() - timedelta(days=1)) for _ in range(50)))

    async def work() -> int:
        async with database.transaction() as tx:
            return await changes.expire_overdue(tx)

    assert sum(await asyncio.gather(*(work() for _ in range(5)))) == 50


async def test_a_bill_past_its_last_day_cannot_be_paid_even_before_it_expires(
    database: Database, provider_id: UUID
) -> None:
    person = new_id()
    last_day = a_bill(provider_id, expires_on=today())
    over = a_bill(provider_id, expires_on=today() - timedelta(days=1))
    await save(database, last_day, over, a_binding(person, provider_id))
    async with database.sessions() as tx:
        assert len(await service.lock_payable(tx, person, [last_day.id])) == 1
        with pytest.raises(BillNotPayable) as refusal:
            await service.lock_payable(tx, person, [over.id])
    assert refusal.value.values["bill_status"] == "expired"
