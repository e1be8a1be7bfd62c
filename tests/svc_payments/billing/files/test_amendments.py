"""Rows that amend stored bills, and what payments and concurrent uploads allow."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from chassis.db import Database
from svc_payments.billing.bills import service as bills
from svc_payments.billing.bills.captures import mark_paid
from svc_payments.billing.bills.models import Bill, BillVersion, Part
from tests.svc_payments.billing.files.files import counts, file_of, reasons, row, upload
from tests.svc_payments.billing.files.stored import bill_of, bills_and_versions


async def paying(database: Database, bill: Bill) -> None:
    async with database.transaction() as tx:
        await bills.mark_paying(tx, [bill.id])


async def paid(database: Database, bill: Bill) -> None:
    await paying(database, bill)
    async with database.transaction() as tx:
        await mark_paid(tx, {bill.id: Part(bill.amount_fen, 0)})


@pytest.mark.parametrize(
    "change",
    [
        {"usage": "13"},
        {"amount": "28.76"},
        {"due_date": "2026-10-26"},
        {"period": "2026-08"},
        {"meter_to": "113"},
        {"meter_from": "", "meter_to": ""},
    ],
)
async def test_a_due_bill_is_amended_and_its_old_version_kept(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, change: dict[str, str]
) -> None:
    await upload(api, headers, file_of(row("W-1")))
    old = await bill_of(database)
    answer = await upload(api, headers, file_of(row("W-1", **change)))
    assert counts(answer) == {"amended": 1}
    new = await bill_of(database)
    assert (new.id, new.version, new.status, new.created_at) == (old.id, 2, "due", old.created_at)
    assert str(new.bill_file_id) == answer.json()["bill_file_id"]
    async with database.read() as tx:
        [kept] = (await tx.scalars(select(BillVersion))).all()
    content = ("account_number", "period", "usage", "amount_fen", "due_date", "meter_from", "meter_to", "bill_file_id")
    assert [getattr(kept, name) for name in content] == [getattr(old, name) for name in content]
    assert (kept.bill_id, kept.version) == (old.id, 1)


async def test_amending_back_is_a_third_version(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    for amount in ("1.00", "2.00", "1.00"):
        await upload(api, headers, file_of(row("W-1", amount=amount)))
    bill = await bill_of(database)
    async with database.read() as tx:
        kept = (
            await tx.execute(select(BillVersion.version, BillVersion.amount_fen).order_by(BillVersion.version))
        ).all()
    assert (bill.version, bill.amount_fen, list(map(tuple, kept))) == (3, 100, [(1, 100), (2, 200)])


async def test_versions_cannot_be_edited_or_deleted(
    api: httpx.AsyncClient, headers: dict[str, str], owner: Database
) -> None:
    for amount in ("1.00", "2.00"):
        await upload(api, headers, file_of(row("W-1", amount=amount)))
    for statement in ("UPDATE bill_versions SET amount_fen = 3", "DELETE FROM bill_versions", "TRUNCATE bill_versions"):
        with pytest.raises(DBAPIError, match="only ever added to"):
            async with owner.transaction() as tx:
                await tx.execute(text(statement))


async def test_a_paid_bill_is_not_amended(api: httpx.AsyncClient, headers: dict[str, str], database: Database) -> None:
    await upload(api, headers, file_of(row("W-1"), row("W-2")))
    await paid(database, await bill_of(database, "W-1"))
    before = await bills_and_versions(database)
    answer = await upload(api, headers, file_of(row("W-1", amount="1"), row("W-2")))
    assert (counts(answer), reasons(answer)) == ({"unchanged": 1, "refused": 1}, [(2, "bill_already_paid")])
    assert await bills_and_versions(database) == before


async def test_a_bill_with_an_open_payment_is_not_amended(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await upload(api, headers, file_of(row("W-1")))
    await paying(database, await bill_of(database))
    answer = await upload(api, headers, file_of(row("W-1", amount="1"), row("W-1", amount="1")))
    assert reasons(answer) == [(2, "payment_in_progress"), (3, "payment_in_progress")]
    assert (await bill_of(database)).amount_fen == 2875


async def test_a_paid_bill_sent_again_is_unchanged(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await upload(api, headers, file_of(row("W-1")))
    await paid(database, await bill_of(database))
    assert counts(await upload(api, headers, file_of(row("W-1")))) == {"unchanged": 1}


async def test_two_concurrent_uploads_are_serialised(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    numbers = [f"W-{n}" for n in range(3_000)]
    files = [
        file_of(*(row(number, amount="1.00") for number in numbers)),
        file_of(*(row(number, amount="2.00") for number in reversed(numbers))),
    ]
    answers = await asyncio.gather(*(upload(api, headers, content) for content in files))
    assert sorted(map(str, map(counts, answers))) == ["{'accepted': 3000}", "{'amended': 3000}"]
    amended = next(answer for answer in answers if "amended" in counts(answer))
    async with database.read() as tx:
        assert set((await tx.scalars(select(Bill.bill_file_id))).all()) == {UUID(amended.json()["bill_file_id"])}
        assert await tx.scalar(select(func.count()).select_from(BillVersion)) == 3_000


async def test_the_same_file_uploaded_concurrently_is_ingested_once(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    content = file_of(*(row(f"W-{n}") for n in range(3_000)))
    answers = await asyncio.gather(*(upload(api, headers, content) for _ in range(4)))
    assert sorted(str(counts(answer)) for answer in answers) == ["{'accepted': 3000}"] + ["{'unchanged': 3000}"] * 3


async def test_an_amendment_waits_for_a_payment_that_is_beginning(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await upload(api, headers, file_of(row("W-1")))
    bill = await bill_of(database)
    async with database.transaction() as tx:
        await bills.mark_paying(tx, [bill.id])
        await tx.flush()
        amending = asyncio.create_task(upload(api, headers, file_of(row("W-1", amount="1"))))
        await asyncio.wait([amending], timeout=0.3)
        assert not amending.done()
    assert reasons(await amending) == [(2, "payment_in_progress")]
