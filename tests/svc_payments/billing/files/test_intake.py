"""Rows of an uploaded file are accepted, unchanged, amended or refused, also when sent twice or concurrently."""

import asyncio
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted
from contracts.reference_provider.billing_month import ENCODINGS, write_month
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.files.models import BillFile, RefusedRow
from tests.svc_payments.billing.files.files import ACCOUNT, HEADER, counts, file_of, reasons, row, upload, uploader
from tests.svc_payments.billing.files.stored import bill_of, bills_and_versions
from tests.svc_payments.conftest import approved_provider


async def test_an_accepted_row_becomes_a_bill(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    report = (await upload(api, headers, file_of(row("W-1")))).json()
    bill = await bill_of(database)
    assert (bill.provider_id, bill.account_number, str(bill.bill_file_id)) == (
        provider_id,
        ACCOUNT,
        report["bill_file_id"],
    )
    assert (bill.period, bill.due_date) == (date(2026, 9, 1), date(2026, 10, 25))
    assert (bill.amount_fen, bill.usage) == (2875, Decimal("12.5"))
    assert (bill.meter_from, bill.meter_to) == (Decimal(100), Decimal("112.5"))
    assert (bill.status, bill.version) == ("due", 1)


async def test_the_report_counts_rows_and_names_the_refused_ones(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    content = file_of(row("W-1"), "", row("W-2", amount="0"), row("W-3"), row("W-3"), row("W-3", usage="13"))
    answer = await upload(api, headers | {"Accept-Language": "en"}, content, name="九月.csv")
    report = answer.json()
    assert counts(answer) == {"accepted": 2, "unchanged": 1, "refused": 2}
    assert (report["file_name"], report["encoding"]) == ("九月.csv", "utf-8")
    assert report["refused_rows"] == [
        {
            "row": 4,
            "bill_number": "W-2",
            "reason": "amount_not_positive",
            "code": "amount_not_positive",
            "message": "The amount is not above 0. Correct the amount.",
        },
        {
            "row": 7,
            "bill_number": "W-3",
            "reason": "duplicate_in_file",
            "code": "duplicate_in_file",
            "message": "An earlier row has this bill number with other content. Keep the correct row.",
        },
    ]


async def test_an_ingest_publishes_an_event(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    report = (await upload(api, headers, file_of(row("W-1"), row("W-2", usage="x")))).json()
    async with database.read() as tx:
        [event] = await emitted(tx)
    assert (event.type, event.key) == ("cn.ili.payments.bill_file.ingested.v1", report["bill_file_id"])
    assert event.data == {
        "bill_file_id": report["bill_file_id"],
        "provider_id": str(provider_id),
        "accepted": 1,
        "unchanged": 0,
        "amended": 0,
        "refused": 1,
    }


async def test_the_same_file_again_changes_nothing(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    content = file_of(row("W-1"), row("W-2"), row("W-2"), row("W-2", amount="1"), row("W-3", amount="x"))
    first = await upload(api, headers, content)
    before = await bills_and_versions(database)
    again = await upload(api, headers, content)
    assert counts(first) == {"accepted": 2, "unchanged": 1, "refused": 2}
    assert counts(again) == {"unchanged": 3, "refused": 2}
    assert reasons(again) == reasons(first)
    assert await bills_and_versions(database) == before


async def test_the_same_values_in_another_notation_are_unchanged(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    await upload(api, headers, file_of(row("W-1", usage="12.5", amount="28.5", meter_from="100")))
    again = await upload(api, headers, file_of(row("W-1", usage="012.500", amount="２８．５０", meter_from="100.0")))
    assert counts(again) == {"unchanged": 1}


async def test_the_first_of_several_rows_with_one_number_counts(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await upload(api, headers, file_of(row("W-1", amount="1.00")))
    rows = [row("W-1", amount=amount) for amount in ("2.00", "2.00", "1.00", "3.00")]
    answer = await upload(api, headers, file_of(*rows))
    assert counts(answer) == {"amended": 1, "unchanged": 1, "refused": 2}
    assert reasons(answer) == [(4, "duplicate_in_file"), (5, "duplicate_in_file")]
    assert (await bill_of(database)).amount_fen == 200


async def test_a_refused_row_does_not_count_as_the_first(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    answer = await upload(api, headers, file_of(row("W-1", amount="-1"), row("W-1", amount="2.00")))
    assert (counts(answer), reasons(answer)) == ({"accepted": 1, "refused": 1}, [(2, "amount_not_positive")])
    assert (await bill_of(database)).amount_fen == 200


async def test_two_providers_may_use_the_same_number(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, tokens: Tokens
) -> None:
    other = uploader(tokens, await approved_provider(database))
    assert counts(await upload(api, headers, file_of(row("W-1")))) == {"accepted": 1}
    assert counts(await upload(api, other, file_of(row("W-1", amount="9")))) == {"accepted": 1}
    async with database.read() as tx:
        assert sorted((await tx.scalars(select(Bill.amount_fen))).all()) == [900, 2875]


async def test_more_than_a_hundred_refused_rows_are_all_kept(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    answer = await upload(api, headers, file_of(*(row(f"W-{n}", usage="x") for n in range(150))))
    assert (counts(answer), len(answer.json()["refused_rows"])) == ({"refused": 150}, 100)
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(RefusedRow)) == 150


async def test_odd_characters_in_a_refused_number_are_reported_verbatim(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    odd = ["\\.", "\\N", "a\\tb", "a\tb", "'; DROP TABLE bills; --", "", "𠮷" * 50]
    answer = await upload(api, headers, file_of(*(row(number) for number in odd)))
    kept = [refused["bill_number"] for refused in answer.json()["refused_rows"]]
    assert kept == [number[:40] for number in odd]


async def test_a_file_with_only_a_header_has_an_empty_report(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert counts(await upload(api, headers, file_of())) == {}


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_generated_month_has_the_planted_outcomes(
    api: httpx.AsyncClient, headers: dict[str, str], tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "month.csv"
    planted = write_month(file, provider_seed="month", rows=20_000, encoding=encoding, period="2026-09")
    charset = "gb18030" if encoding == "gb18030" else "utf-8"
    answer = await upload(api, headers, file.read_bytes(), charset=charset)
    report = answer.json()
    assert {name: report[name] for name in planted.counts} == planted.counts
    assert (report["sha256"], report["encoding"]) == (planted.sha256, encoding)
    expected = [(refused.row, refused.reason) for refused in planted.refused_rows]
    pages, cursor = [], ""
    while cursor is not None:
        url = f"{report['refused_rows_url']}?limit=200{cursor and f'&cursor={cursor}'}"
        page = (await api.get(url, headers=headers)).json()
        pages += [(refused["row"], refused["reason"]) for refused in page["items"]]
        cursor = page["next_cursor"]
    assert pages == expected
    again = (await upload(api, headers, file.read_bytes(), charset=charset)).json()
    assert {name: again[name] for name in planted.counts} == planted.counts_when_sent_again


async def test_query_plans_do_not_trust_statistics_of_an_empty_table(
    api: httpx.AsyncClient, headers: dict[str, str], owner: Database
) -> None:
    """Autovacuum leaves such statistics when it runs while the first large file is ingested."""
    async with owner.transaction() as tx:
        await tx.execute(
            text(
                "WITH tables AS (SELECT oid FROM pg_class WHERE relname ~ '^bills_' OR relname = 'bill_numbers') "
                "UPDATE pg_class SET reltuples = 0, relpages = 10000 WHERE oid IN (SELECT oid FROM tables) "
                "OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM tables))"
            )
        )
    rows = [row(f"W-{n}") for n in range(20_000)]
    async with asyncio.timeout(20):
        assert counts(await upload(api, headers, file_of(*rows, *rows))) == {"accepted": 20_000, "unchanged": 20_000}
        assert counts(await upload(api, headers, file_of(*rows))) == {"unchanged": 20_000}


async def test_a_file_refused_halfway_leaves_nothing(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    good = [row(f"W-{n}") for n in range(20_000)]
    for bad_end in ('"W-x', '"' + "x" * 70_000 + '"'):
        answer = await upload(api, headers, file_of(*good, bad_end))
        assert answer.status_code == 422
        assert answer.json()["row"] == 20_002
    broken = file_of(*good).encode() + b"\xff"
    assert (await upload(api, headers, broken)).json()["code"] == "undecodable_bytes"
    async with database.read() as tx:
        for table in (Bill, BillFile, RefusedRow):
            assert await tx.scalar(select(func.count()).select_from(table)) == 0
        assert await emitted(tx) == []


async def test_an_unknown_provider_is_told_to_retry(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    answer = await upload(api, uploader(tokens, new_id()), file_of(row("W-1")))
    assert (answer.status_code, answer.json()["code"]) == (409, "provider_not_ready")
    assert int(answer.headers["retry-after"]) > 0
    assert await bills_and_versions(database) == [[], []]


async def test_a_reason_added_after_1_0_is_mapped_to_the_nearest_of_1_0(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await upload(api, headers, f"{HEADER},expires_on\r\n{row()},2026-01-01\r\n")
    [refused] = answer.json()["refused_rows"]
    assert (refused["reason"], refused["code"]) == ("bad_due_date", "bad_expiry")
