"""One bill under two numbers that a spreadsheet has made of one is pointed out, and never due twice."""

import asyncio

import httpx
import pytest
from sqlalchemy import select, update

from chassis.db import Database
from chassis.testing import Tokens, once
from svc_payments.billing.bills.models import Bill, BillStatus
from tests.svc_payments.billing.bills.pushes import bill, outcomes, push
from tests.svc_payments.billing.files.files import HEADER, counts, file_of, reasons, row, upload, uploader
from tests.svc_payments.billing.files.workbooks import cells, send, workbook
from tests.svc_payments.conftest import approved_provider

SIMILAR = "similar_bill_number"


async def due(database: Database) -> list[str]:
    async with database.read() as tx:
        query = select(Bill.bill_number).where(Bill.status == BillStatus.DUE)
        return sorted(await tx.scalars(query))


@pytest.mark.parametrize(
    ("known", "number"),
    [("00004556", "4556"), ("4556", "00004556"), ("004556", "04556"), ("0", "000"), ("W-1", "w-1"), ("0aB", "ab")],
)
async def test_a_bill_known_under_a_similar_number_is_refused(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, known: str, number: str
) -> None:
    assert counts(await upload(api, headers, file_of(row(known)))) == {"accepted": 1}
    assert reasons(await upload(api, headers, file_of(row(number), row("other")), name="2.csv")) == [(2, SIMILAR)]
    assert reasons(await send(api, headers, workbook(cells(number)))) == [(2, SIMILAR)]
    assert await due(database) == sorted([known, "other"])


async def test_of_similar_rows_in_one_file_the_first_counts(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    answer = await upload(api, headers, file_of(row("0045"), row("45"), row("B"), row("045"), row("45"), row("b")))
    assert reasons(answer) == [(3, SIMILAR), (5, SIMILAR), (6, SIMILAR), (7, SIMILAR)]
    assert await due(database) == ["0045", "B"]


@pytest.mark.parametrize(
    "changes", [{"amount": "28.76"}, {"period": "2026-08"}, {"bill_number": "45560"}, {"bill_number": "4-556"}]
)
async def test_what_differs_otherwise_is_another_bill(
    api: httpx.AsyncClient, headers: dict[str, str], changes: dict[str, str]
) -> None:
    await upload(api, headers, file_of(row("00004556")))
    answer = await upload(api, headers, file_of(row(**{"bill_number": "4556", **changes})), name="2.csv")
    assert counts(answer) == {"accepted": 1}


async def test_a_similar_number_may_replace_the_bill_it_names(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await upload(api, headers, file_of(row("00004556")))
    answer = await upload(api, headers, f"{HEADER},supersedes\n{row('4556')},00004556\n", name="2.csv")
    assert counts(answer) == {"accepted": 1}
    assert await due(database) == ["4556"]


@pytest.mark.parametrize(
    ("status", "refused"), [(BillStatus.PAID, True), (BillStatus.VOID, False), (BillStatus.EXPIRED, False)]
)
async def test_a_paid_bill_counts_and_an_ended_one_does_not(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, status: BillStatus, *, refused: bool
) -> None:
    await upload(api, headers, file_of(row("00004556")))
    async with database.transaction() as tx:
        await tx.execute(update(Bill).values(status=status))
    answer = await upload(api, headers, file_of(row("4556")), name="2.csv")
    assert counts(answer) == ({"refused": 1} if refused else {"accepted": 1})


async def test_another_providers_numbers_do_not_matter(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, tokens: Tokens
) -> None:
    await upload(api, headers, file_of(row("00004556")))
    others = uploader(tokens, await approved_provider(database))
    assert counts(await upload(api, others, file_of(row("4556")))) == {"accepted": 1}


async def test_a_pushed_bill_is_held_against_known_ones_too(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await upload(api, headers, file_of(row("00004556")))
    answer = await push(api, headers, bill("4556"), bill("4557"))
    assert outcomes(answer) == [SIMILAR, "accepted"]
    assert await due(database) == ["00004556", "4557"]


async def apart(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Two bills whose numbers are similar and whose amounts are not."""
    answer = await upload(api, headers, file_of(row("001BAA", amount="77.00"), row("1BAA", amount="78.00")))
    assert counts(answer) == {"accepted": 2}


async def amounts(database: Database) -> dict[str, int]:
    async with database.read() as tx:
        return {bill.bill_number: bill.amount_fen for bill in await tx.scalars(select(Bill))}


APART = {"001BAA": 7700, "1BAA": 7800}


@pytest.mark.parametrize(("number", "amount"), [("1BAA", "77.00"), ("001BAA", "78.00")])
async def test_an_amendment_that_makes_two_bills_equal_is_refused_however_it_comes(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, number: str, amount: str
) -> None:
    await apart(api, headers)
    answer = await upload(api, headers, file_of(row(number, amount=amount), row("other")), name="2.csv")
    assert reasons(answer) == [(2, SIMILAR)]
    fen = int(amount.replace(".", ""))
    assert outcomes(await push(api, headers, bill(number, amount_fen=fen))) == [SIMILAR]
    async with database.read() as tx:
        bill_id = await tx.scalar(select(Bill.id).where(Bill.bill_number == number))
    body = {"reason": "billing_error", "amount_fen": fen}
    refused = await api.post(f"/payments/v1/bills/{bill_id}/amendments", json=body, headers=headers | once())
    assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (422, "bill_refused", SIMILAR)
    known = await amounts(database)
    assert {name: known[name] for name in APART} == APART


async def test_two_amendments_in_one_file_that_become_equal_are_not_both_taken(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await apart(api, headers)
    answer = await upload(
        api, headers, file_of(row("001BAA", amount="79.00"), row("1BAA", amount="79.00")), name="2.csv"
    )
    assert reasons(answer) == [(3, SIMILAR)]
    assert await amounts(database) == {"001BAA": 7900, "1BAA": 7800}


async def test_of_parallel_amendments_that_become_equal_one_is_taken(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await apart(api, headers)
    async with database.read() as tx:
        ids = (await tx.scalars(select(Bill.id))).all()
    body = {"reason": "billing_error", "amount_fen": 7900}
    answers = await asyncio.gather(
        *(api.post(f"/payments/v1/bills/{each}/amendments", json=body, headers=headers | once()) for each in ids)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert sorted((await amounts(database)).values()) != [7900, 7900]


async def test_bills_that_were_alike_before_may_still_be_amended_otherwise(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await apart(api, headers)
    async with database.transaction() as tx:
        await tx.execute(update(Bill).values(amount_fen=7700))
    answer = await upload(api, headers, file_of(row("1BAA", amount="77.00", usage="11")), name="2.csv")
    assert counts(answer) == {"amended": 1}


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_the_message_names_the_known_number_and_says_what_to_do(
    api: httpx.AsyncClient, headers: dict[str, str], language: str
) -> None:
    await upload(api, headers, file_of(row("00004556")))
    spoken = headers | {"Accept-Language": language}
    (refused,) = (await upload(api, spoken, file_of(row("4556")), name="2.csv")).json()["refused_rows"]
    (pushed,) = (await push(api, spoken, bill("4556"))).json()["bills"]
    assert (refused["code"], refused["reason"], pushed["message"]) == (SIMILAR, "duplicate_in_file", refused["message"])
    assert "00004556" in refused["message"]
    assert "supersedes" in refused["message"]
