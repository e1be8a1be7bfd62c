"""What payments do to bills: lock, move, and refuse what is not due."""

import asyncio
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis.auth import Caller
from chassis.db import Database, new_id
from chassis.pagination import PageRequest
from chassis.problems import IllegalMove, NotFound
from svc_payments.bills import service
from svc_payments.bills.models import TRANSITIONS, Bill, BillStatus
from svc_payments.bills.service import BillAlreadyPaid, PaymentInProgress
from tests.svc_payments.bills.making import a_bill, a_binding, kept


async def two_bills(database: Database, provider_id: UUID, **fields: object) -> tuple[UUID, list[UUID]]:
    """A person and two bills on their account."""
    person, bills = new_id(), [a_bill(provider_id, **fields), a_bill(provider_id, **fields)]
    await kept(database, *bills, a_binding(person, provider_id))
    return person, [bill.id for bill in bills]


async def test_the_newest_bills_are_found_without_reading_everybodys(database: Database, provider_id: UUID) -> None:
    """A resident whose last bill is old: walking back from the newest bill of all would read the whole table."""
    person, theirs = new_id(), a_bill(provider_id)
    await kept(database, theirs, a_binding(person, provider_id))
    await kept(database, *(a_bill(provider_id, account_number=f"{n:010}") for n in range(3_000)))
    async with database.transaction() as tx:
        await tx.execute(text("ANALYZE"))
    caller = Caller(str(person), "person", "myili-app", frozenset(), 2, ())
    async with database.read() as tx:
        page = await service.list_bills(tx, caller, service.Wanted(None, None, None), PageRequest())
        read = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'bills'")
        assert await tx.scalar(read) == 1
    assert [bill.bill_id for bill in page.items] == [theirs.id]


async def test_payable_bills_come_back_once_each_in_the_order_of_their_ids(
    database: Database, provider_id: UUID
) -> None:
    person, ids = await two_bills(database, provider_id)
    async with database.transaction() as tx:
        locked = await service.lock_payable(tx, person, [ids[1], ids[0], ids[1]])
    assert [bill.id for bill in locked] == sorted(ids)


async def test_an_unknown_bill_and_somebody_elses_are_the_same_refusal(database: Database, provider_id: UUID) -> None:
    person, ids = await two_bills(database, provider_id)
    for asking, asked in ((person, [ids[0], new_id()]), (new_id(), ids)):
        with pytest.raises(NotFound):
            async with database.transaction() as tx:
                await service.lock_payable(tx, asking, asked)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [("paying", PaymentInProgress), ("paid", BillAlreadyPaid), ("posted", BillAlreadyPaid)],
)
async def test_a_bill_that_is_not_due_is_refused(
    database: Database, provider_id: UUID, status: str, refusal: type[Exception]
) -> None:
    person, ids = await two_bills(database, provider_id, status=status)
    with pytest.raises(refusal):
        async with database.transaction() as tx:
            await service.lock_payable(tx, person, ids)


async def test_of_two_payments_at_once_one_gets_the_bill(database: Database, provider_id: UUID) -> None:
    person, ids = await two_bills(database, provider_id)

    async def begin(wanted: list[UUID]) -> str:
        try:
            async with database.transaction() as tx:
                await service.lock_payable(tx, person, wanted)
                await service.mark_paying(tx, wanted)
        except PaymentInProgress:
            return "refused"
        return "begun"

    orders = [ids, ids[::-1]] * 5
    assert sorted(await asyncio.gather(*map(begin, orders))) == ["begun"] + ["refused"] * 9


async def test_a_bill_goes_from_due_to_posted(database: Database, provider_id: UUID) -> None:
    _, ids = await two_bills(database, provider_id)
    for move, status in (
        (service.mark_paying, "paying"),
        (service.release, "due"),
        (service.mark_paying, "paying"),
        (service.mark_paid, "paid"),
        (service.mark_posted, "posted"),
    ):
        async with database.transaction() as tx:
            await move(tx, ids)
        async with database.read() as tx:
            assert {(await tx.get_one(Bill, bill_id)).status for bill_id in ids} == {status}


@pytest.mark.parametrize(("current", "wanted"), list(product(BillStatus, BillStatus)))
def test_only_the_moves_in_the_table_are_made(current: BillStatus, wanted: BillStatus) -> None:
    bill = a_bill(new_id(), status=current)
    if wanted in TRANSITIONS[current]:
        bill.move_to(wanted)
        assert bill.status == wanted
        return
    with pytest.raises(IllegalMove) as refusal:
        bill.move_to(wanted)
    assert refusal.value.values == {"current": current, "wanted": wanted}
    assert bill.status == current
