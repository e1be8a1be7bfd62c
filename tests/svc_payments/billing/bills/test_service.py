"""What payments do to bills: lock, move, and refuse what is not due."""

import asyncio
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, new_id
from chassis.pagination import PageRequest
from chassis.problems import IllegalMove, NotFound
from svc_payments.billing.bills import service
from svc_payments.billing.bills.captures import mark_paid
from svc_payments.billing.bills.models import TRANSITIONS, Bill, BillStatus, Part
from svc_payments.billing.bills.service import BillAlreadyPaid, PaymentInProgress
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, save


async def two_bills(database: Database, provider_id: UUID, **fields: object) -> tuple[UUID, list[UUID]]:
    """A person and two bills on their account."""
    person, bills = new_id(), [a_bill(provider_id, **fields), a_bill(provider_id, **fields)]
    await save(database, *bills, a_binding(person, provider_id))
    return person, [bill.id for bill in bills]


async def test_listing_the_newest_bills_reads_only_those_of_the_resident(database: Database, provider_id: UUID) -> None:
    """The resident's last bill is old: a scan from the newest bill of all would read the whole table."""
    person, theirs = new_id(), a_bill(provider_id)
    await save(database, theirs, a_binding(person, provider_id))
    await save(database, *(a_bill(provider_id, account_number=f"{n:010}") for n in range(3_000)))
    async with database.transaction() as tx:
        await tx.execute(text("ANALYZE"))
    caller = Caller(str(person), "person", "myili-app", frozenset(), 2, ())
    async with database.read() as tx:
        page = await service.list_bills(tx, caller, service.Wanted(None, None, None), PageRequest())
        read = text(
            "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname LIKE 'bills\\_%'"
        )
        assert await tx.scalar(read) == 1
    assert [bill.bill_id for bill in page.items] == [theirs.id]


async def test_payable_bills_are_returned_once_each_in_the_order_of_their_ids(
    database: Database, provider_id: UUID
) -> None:
    person, ids = await two_bills(database, provider_id)
    async with database.transaction() as tx:
        locked = await service.lock_payable(tx, person, [ids[1], ids[0], ids[1]])
    assert [bill.id for bill in locked] == sorted(ids)


async def test_an_unknown_bill_and_a_bill_of_others_get_the_same_refusal(database: Database, provider_id: UUID) -> None:
    person, ids = await two_bills(database, provider_id)
    for caller, bill_ids in ((person, [ids[0], new_id()]), (new_id(), ids)):
        with pytest.raises(NotFound):
            async with database.transaction() as tx:
                await service.lock_payable(tx, caller, bill_ids)


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


async def test_one_of_several_concurrent_payments_gets_the_bill(database: Database, provider_id: UUID) -> None:
    person, ids = await two_bills(database, provider_id)

    async def begin(wanted: list[UUID]) -> str:
        try:
            async with database.transaction() as tx:
                await service.lock_payable(tx, person, wanted)
                await service.mark_paying(tx, wanted)
        except PaymentInProgress:
            return "refused"
        return "accepted"

    orders = [ids, ids[::-1]] * 5
    assert sorted(await asyncio.gather(*map(begin, orders))) == ["accepted"] + ["refused"] * 9


async def paid_in_full(tx: AsyncSession, bill_ids: list[UUID]) -> None:
    whole = Part(amount_fen=2760, late_fee_fen=0)
    assert await mark_paid(tx, dict.fromkeys(bill_ids, whole)) == []


async def booked_in_full(tx: AsyncSession, bill_ids: list[UUID]) -> None:
    for bill_id in bill_ids:
        await service.mark_booked(tx, bill_id, 2760)


async def bill_now(database: Database, bill_id: UUID) -> tuple[str, int, int, int]:
    async with database.read() as tx:
        bill = await tx.get_one(Bill, bill_id)
        return bill.status, bill.late_fee_fen, bill.paid_fen, bill.booked_fen


async def test_a_bill_paid_in_parts_is_posted_with_the_last_booking(database: Database, provider_id: UUID) -> None:
    _, (bill_id, _) = await two_bills(database, provider_id)
    for part in (Part(1000, 0), Part(1770, 10)):
        async with database.transaction() as tx:
            await service.mark_paying(tx, [bill_id])
            unfinished = await mark_paid(tx, {bill_id: part})
        assert list(unfinished) == ([bill_id] if part.amount_fen == 1000 else [])
    assert await bill_now(database, bill_id) == ("paid", 10, 2770, 0)
    for amount_fen, status in ((1000, "paid"), (1770, "posted")):
        async with database.transaction() as tx:
            await service.mark_booked(tx, bill_id, amount_fen)
        assert (await bill_now(database, bill_id))[0] == status


async def test_a_refunded_bill_is_due_again_without_its_late_fee(database: Database, provider_id: UUID) -> None:
    _, (bill_id, _) = await two_bills(database, provider_id)
    whole = Part(2770, 10)
    async with database.transaction() as tx:
        await service.mark_paying(tx, [bill_id])
        await mark_paid(tx, {bill_id: whole})
        await service.mark_booked(tx, bill_id, whole.amount_fen)
    async with database.transaction() as tx:
        await service.give_back(tx, bill_id, whole, booked=True)
    assert await bill_now(database, bill_id) == ("due", 0, 0, 0)


async def test_the_database_refuses_overpayment(database: Database, provider_id: UUID) -> None:
    _, (bill_id, _) = await two_bills(database, provider_id)
    async with database.sessions() as tx:
        await service.mark_paying(tx, [bill_id])
        await mark_paid(tx, {bill_id: Part(2700, 0)})
        (await tx.get_one(Bill, bill_id)).paid_fen = 2761
        with pytest.raises(IntegrityError, match="ck_bills_paid_fen"):
            await tx.flush()


async def test_a_bill_goes_from_due_to_posted(database: Database, provider_id: UUID) -> None:
    _, ids = await two_bills(database, provider_id)
    for move, status in (
        (service.mark_paying, "paying"),
        (service.release, "due"),
        (service.mark_paying, "paying"),
        (paid_in_full, "paid"),
        (booked_in_full, "posted"),
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
