"""Pushed bills that amend or supersede others, also concurrently with payments and files."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from chassis.db import Database
from chassis.testing import Tokens, emitted
from svc_payments.billing.bills import service, staging
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus, BillVersion
from tests.svc_payments.billing.bills.pushes import bill, bill_of, outcomes, push
from tests.svc_payments.billing.files.files import counts, file_of, row, upload, uploader
from tests.svc_payments.conftest import approved_provider


async def test_an_amendment_is_published_and_a_new_bill_is_not(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    await push(api, headers, bill())
    await push(api, headers, bill(amount_fen=1))
    async with database.read() as tx:
        [event] = await emitted(tx)
    now = await bill_of(database)
    assert (event.type, event.key) == ("cn.ili.payments.bill.amended.v1", str(now.id))
    assert event.data == {
        "bill_id": str(now.id),
        "provider_id": str(provider_id),
        "version": 2,
        "reason": "not_stated",
    }


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("paying", "payment_in_progress"),
        ("paid", "bill_already_paid"),
        ("posted", "bill_already_paid"),
        ("void", "bill_void"),
        ("expired", "bill_expired"),
    ],
)
async def test_a_bill_that_is_not_due_is_not_amended_nor_superseded(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, status: str, reason: str
) -> None:
    await push(api, headers, bill())
    async with database.transaction() as tx:
        (await tx.get_one(Bill, (await bill_of(database)).id)).status = BillStatus(status)
    sent = (bill(), bill(amount_fen=1), bill("W-2", supersedes="W-1"))
    assert [outcomes(await push(api, headers, each))[0] for each in sent] == ["unchanged", reason, "superseded_not_due"]


async def test_a_partly_paid_bill_is_not_amended_nor_superseded(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await push(api, headers, bill())
    async with database.transaction() as tx:
        (await tx.get_one(Bill, (await bill_of(database)).id)).paid_fen = 1
    answers = await push(api, headers, bill(amount_fen=9), bill("W-2", supersedes="W-1"))
    assert outcomes(answers) == ["bill_partly_paid", "superseded_not_due"]


async def test_a_bill_number_of_the_platform_is_reserved(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await push(api, headers, bill())
    async with database.transaction() as tx:
        (await tx.get_one(Bill, (await bill_of(database)).id)).kind = BillKind.ADVANCE
    assert outcomes(await push(api, headers, bill(amount_fen=1))) == ["bill_number_reserved"]


async def test_a_new_bill_supersedes_a_due_one_of_the_account(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    await push(api, headers, bill("W-1"), bill("W-9", account_number="1000000005"))
    wrong_account = bill("W-8", supersedes="W-9")
    right = bill("W-2", amount_fen=100, supersedes="W-1", reason="duplicate")
    second = bill("W-3", amount_fen=100, supersedes="W-1")
    answer = await push(api, headers, wrong_account, right, second)
    assert outcomes(answer) == ["superseded_unknown", "accepted", "superseded_not_due"]
    assert outcomes(await push(api, headers, right)) == ["unchanged"]
    assert outcomes(await push(api, headers, bill("W-2", amount_fen=5, supersedes="W-9"))) == ["superseded_unknown"]
    old, new = await bill_of(database, "W-1"), await bill_of(database, "W-2")
    assert (old.status, old.superseded_by, old.version, old.reason) == ("superseded", new.id, 2, "duplicate")
    assert (new.status, new.supersedes, new.version) == ("due", "W-1", 1)
    async with database.read() as tx:
        [event] = await emitted(tx)
        assert await tx.scalar(select(BillVersion.amount_fen)) == 2875
    assert event.type == "cn.ili.payments.bill.superseded.v1"
    assert event.data == {
        "bill_id": str(old.id),
        "provider_id": str(provider_id),
        "version": 2,
        "reason": "duplicate",
        "superseded_by": str(new.id),
    }


async def test_the_same_bills_pushed_concurrently_are_stored_once(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    bills = [bill(f"W-{number}") for number in range(50)]
    answers = await asyncio.gather(*(push(api, headers, *bills) for _ in range(6)))
    assert sorted(outcomes(answer)[0] for answer in answers) == ["accepted"] + ["unchanged"] * 5
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Bill)) == 50


async def test_a_concurrent_amendment_and_payment_are_serialised(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    """Either the payment has the amended amount, or the amendment is refused."""
    numbers = [f"W-{number}" for number in range(20)]
    await push(api, headers, *map(bill, numbers))
    ids = [(await bill_of(database, number)).id for number in numbers]

    async def pay(bill_id: UUID) -> int:
        async with database.transaction() as tx:
            found = await service._locked(tx, [bill_id])  # noqa: SLF001 - what a payment does first
            await service.mark_paying(tx, [bill_id])
            return found[0].amount_fen

    amending = (push(api, headers, bill(number, amount_fen=1)) for number in numbers)
    paid, answers = await asyncio.gather(asyncio.gather(*map(pay, ids)), asyncio.gather(*amending))
    for amount_fen, answer, number in zip(paid, answers, numbers, strict=True):
        assert (amount_fen, outcomes(answer)[0]) in {(1, "amended"), (2875, "payment_in_progress")}
        assert (await bill_of(database, number)).amount_fen == amount_fen


async def test_crossing_changes_and_payments_do_not_deadlock(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    """Amended and superseded bills are locked in the order in which payments lock them."""
    numbers = [f"W-{number}" for number in range(40)]
    await push(api, headers, *map(bill, numbers))
    ids = [(await bill_of(database, number)).id for number in numbers]
    amended = [bill(number, amount_fen=1) for number in reversed(numbers[::2])]
    superseding = [bill(f"N-{number}", supersedes=number) for number in numbers[1::2]]

    async def pay() -> None:
        async with database.transaction() as tx:
            await service._locked(tx, ids)  # noqa: SLF001 - what a payment does first

    paying = asyncio.gather(*(pay() for _ in range(10)))
    answer, _ = await asyncio.gather(push(api, headers, *amended, *superseding), paying)
    assert outcomes(answer) == ["amended"] * 20 + ["accepted"] * 20


async def test_a_file_without_an_expiry_column_keeps_the_expiry(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await push(api, headers, bill(expires_on="2027-10-25"))
    assert counts(await upload(api, headers, file_of(row("W-1")))) == {"unchanged": 1}
    assert counts(await upload(api, headers, file_of(row("W-1", amount="1")))) == {"amended": 1}
    assert str((await bill_of(database)).expires_on) == "2027-10-25"
    assert outcomes(await push(api, headers, bill(amount_fen=100))) == ["amended"]
    assert (await bill_of(database)).expires_on is None


async def test_bills_of_a_provider_wait_for_its_file_and_others_do_not(
    api: httpx.AsyncClient, headers: dict[str, str], tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    other = uploader(tokens, await approved_provider(database))
    async with database.transaction() as tx:
        await staging.one_at_a_time(tx, provider_id)
        waiting = asyncio.create_task(push(api, headers, bill()))
        assert outcomes(await push(api, other, bill())) == ["accepted"]
        assert not waiting.done()
    assert outcomes(await waiting) == ["accepted"]
