"""Spreadsheets as people make them: how their cells are read."""

import gzip
import hashlib
import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from chassis.db import Database
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE
from tests.svc_payments.billing.files.files import ACCOUNT, counts, file_of, reasons, row, upload
from tests.svc_payments.billing.files.workbooks import COLUMNS, by_hand, cells, inline, send, workbook

STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"


async def only_bill(database: Database) -> Bill:
    async with database.read() as tx:
        return (await tx.scalars(select(Bill))).one()


async def test_a_workbook_is_ingested_like_the_same_table_in_csv(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    content = workbook(cells("W-1"), cells("W-2", amount=0))
    answer = await send(api, headers, content)
    report = answer.json()
    assert counts(answer) == {"accepted": 1, "refused": 1}
    assert (report["format"], report["encoding"]) == ("xlsx", "utf-8")
    assert report["sha256"] == hashlib.sha256(content).hexdigest()
    assert reasons(answer) == [(3, "amount_not_positive")]
    as_csv = await upload(api, headers, file_of(row("W-1"), row("W-2", amount="0")))
    assert counts(as_csv) == {"unchanged": 1, "refused": 1}


async def test_the_same_workbook_again_changes_nothing(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    content = workbook(cells("W-1"), cells("W-2"))
    first, second = await send(api, headers, content), await send(api, headers, content)
    zipped = await send(api, headers, gzip.compress(content), Content_Encoding="gzip")
    assert [counts(answer) for answer in (first, second, zipped)] == [{"accepted": 2}, *[{"unchanged": 2}] * 2]
    assert first.json()["sha256"] == zipped.json()["sha256"]


@pytest.mark.parametrize(
    ("stored", "fen"),
    [
        ("41.4", 4140),
        ("41.399999999999999", 4140),  # what programs write for 41.4
        ("0.30000000000000004", 30),
        ("1.1500000000000001", 115),
        ("28.75", 2875),
        ("4.14E1", 4140),
        ("1E6", 100_000_000),
        ("9.9999989999999998E5", 99_999_990),
        ("41.405", None),
        ("4.0000000000000001E-3", None),
        ("NaN", None),
        ("1_0", None),
        ("1E999999", None),
    ],
)
async def test_an_amount_is_exact_to_the_fen_or_refused(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, stored: str, fen: int | None
) -> None:
    head = inline(*COLUMNS)
    values = f"{inline('W-1', ACCOUNT, '2026-09', '12.5')}<c><v>{stored}</v></c>{inline('2026-10-25')}"
    answer = await send(api, headers, by_hand(f"<sheetData><row>{head}</row><row>{values}</row></sheetData>"))
    if fen is None:
        assert reasons(answer) == [(2, "bad_amount")]
    else:
        assert counts(answer) == {"accepted": 1}
        assert (await only_bill(database)).amount_fen == fen


@pytest.mark.parametrize("text", ["1e6", "41.405", "1,000.00", "¥41.40", "41.4元"])
async def test_an_amount_as_text_follows_the_rules_of_csv(
    api: httpx.AsyncClient, headers: dict[str, str], text: str
) -> None:
    assert reasons(await send(api, headers, workbook(cells(amount=text)))) == [(2, "bad_amount")]


async def test_numeric_cells_are_converted_to_text_where_that_is_exact(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    answer = await send(api, headers, workbook(cells(20261012345, account_number=int(ACCOUNT), amount="41.40")))
    assert counts(answer) == {"accepted": 1}
    bill = await only_bill(database)
    assert (bill.bill_number, bill.account_number, bill.amount_fen) == ("20261012345", ACCOUNT, 4140)


def with_format(code: str | int, value: Any, column: int) -> bytes:  # noqa: ANN401 - whatever a cell may hold
    name = "num_format"
    return workbook(
        cells(), work=lambda book, sheet: sheet.write_number(1, column, value, book.add_format({name: code}))
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (workbook(cells(12345678901234567890)), "value_changed"),
        (workbook(cells(1234567890123456)), "value_changed"),
        (workbook(cells(account_number=123456789012345678)), "value_changed"),
        (workbook(cells(account_number=1.2e11)), "bad_account_number"),
        (workbook(cells(account_number="1.2E+11")), "bad_account_number"),
        (workbook(cells("1.2E+11")), "bad_bill_number"),
        (workbook(cells(12.5)), "bad_bill_number"),
        (with_format("yyyy-mm-dd", 46_000, 0), "value_changed"),  # 1-2 was typed
        (with_format("m月d日", 46_000, 1), "value_changed"),
        (with_format("0.00E+00", 1_200_000, 0), "value_changed"),  # 12E5 was typed
        (with_format("00000000_ ", 4556, 0), "value_changed"),  # 00004556 is shown
        (with_format("0_ ", 4556, 0), "value_changed"),
        (with_format("0000-0000", 4556, 0), "value_changed"),
        (with_format('"W-"0', 4556, 0), "value_changed"),
        (with_format("#,##0", 4556, 0), "value_changed"),
        (with_format(3, 4556, 0), "value_changed"),
        (with_format(2, 4556, 0), "value_changed"),
        (with_format("@", 4556, 0), "value_changed"),
        (with_format("0;-0;", 4556, 0), "value_changed"),
        (workbook(cells(usage="yes")), "bad_usage"),
        (workbook(cells(usage=True)), "bad_usage"),
        (workbook(cells(due_date=46_320)), "bad_due_date"),
        (with_format("yyyy/m/d", 46_320.5, 5), "bad_due_date"),
        (with_format("yyyy/m/d", -1, 5), "bad_due_date"),
        (with_format("yyyy/m/d", 60, 5), "bad_due_date"),
        (with_format("yyyy-mm", 46_280, 2), "bad_period"),  # the 15th
        (workbook([*cells(), "more"]), "wrong_column_count"),
        (workbook([*cells(), *[None] * 200, "far away"]), "wrong_column_count"),
        (workbook(cells()[:6]), None),
        (workbook([*cells(), None, " "]), None),
        (workbook(cells()[:5]), "bad_due_date"),
    ],
)
async def test_a_cell_is_read_exactly_or_refused(
    api: httpx.AsyncClient, headers: dict[str, str], content: bytes, reason: str | None
) -> None:
    assert reasons(await send(api, headers, content)) == ([(2, reason)] if reason else [])


@pytest.mark.parametrize("since_1904", [False, True])
@pytest.mark.parametrize("form", ["yyyy-mm-dd", "yyyy/m/d", "[$-804]yyyy年m月d日", "d-mmm", 14, 31, 58])
async def test_date_cells_are_accepted(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, form: str | int, *, since_1904: bool
) -> None:
    def work(book: Any, sheet: Any) -> None:  # noqa: ANN401 - the writer has no types
        day = book.add_format({"num_format": form})
        sheet.write_datetime(1, 2, datetime(2026, 9, 1), day)  # noqa: DTZ001 - a spreadsheet knows no zones
        sheet.write_datetime(1, 5, datetime(2026, 10, 25), day)  # noqa: DTZ001 - as above

    answer = await send(api, headers, workbook(cells(), work=work, date_1904=since_1904))
    assert counts(answer) == {"accepted": 1}
    bill = await only_bill(database)
    assert (bill.period, bill.due_date) == (date(2026, 9, 1), date(2026, 10, 25))


@pytest.mark.parametrize("form", ["0.00", "#,##0.00", "[Red]0.00", '0.00"day"', "[h]:mm", "General", 0, 4, 44])
async def test_other_number_formats_are_read_as_numbers(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, form: str | int
) -> None:
    assert counts(await send(api, headers, with_format(form, 41.4, 4))) == {"accepted": 1}
    assert (await only_bill(database)).amount_fen == 4140


async def test_leading_zeros_of_a_format_are_part_of_the_number(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    assert counts(await send(api, headers, with_format("00000000", 42, 0))) == {"accepted": 1}
    assert (await only_bill(database)).bill_number == "00000042"


async def test_row_numbers_are_those_of_the_spreadsheet(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    bad = cells("W-9", usage="x")
    content = workbook([], [], COLUMNS, [], cells("W-1"), [], [None, " "], bad, [], bad, [], header=None)
    answer = await send(api, headers, content)
    assert reasons(answer) == [(8, "bad_usage"), (10, "bad_usage")]
    assert answer.json()["rows"] == 3


async def test_text_keeps_its_quotes_and_commas(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    note = 'read by "estimate", \n伊犁 _x0041_ ئىلى'
    answer = await send(api, headers, workbook([*cells("W-1"), note], header=[*COLUMNS, "note"]))
    assert counts(answer) == {"accepted": 1}
    answer = await send(api, headers, workbook([*cells("W-1", amount=1), note], header=[*COLUMNS, "note"]))
    assert counts(answer) == {"amended": 1}
    assert (await only_bill(database)).note == 'read by "estimate",  伊犁 _x0041_ ئىلى'


async def test_rich_text_is_read_without_phonetic_runs(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    rich = "<si><r><t>W-</t></r><r><t>1</t></r><rPh sb='0' eb='1'><t>yi</t></rPh></si>"
    values = f'<c t="s"><v>0</v></c>{inline(*map(str, cells()[1:]))}'
    sheet = f"<sheetData><row r='1'>{inline(*COLUMNS)}</row><row r='7'>{values}</row></sheetData>"
    for namespace in (STRICT, "urn:any"):
        answer = await send(api, headers, by_hand(sheet, strings=rich, namespace=namespace))
        assert sum(counts(answer).values()) == 1
        assert reasons(answer) == []


async def test_a_formula_is_read_by_its_stored_value(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    def work(_: Any, sheet: Any) -> None:  # noqa: ANN401 - the writer has no types
        sheet.write_formula(1, 4, "=D2*3.312", None, 41.4)
        sheet.write_formula(2, 4, "=1/0", None, "#DIV/0!")
        sheet.write_formula(3, 6, "=H4", None, "")  # written as openpyxl does: that it is text stands nowhere

    answer = await send(api, headers, workbook(cells("W-1"), cells("W-2"), cells("W-3"), work=work))
    assert reasons(answer) == [(3, "formula_without_value"), (4, "formula_without_value")]
    assert (await only_bill(database)).amount_fen == 4140


async def test_rows_with_merged_cells_are_refused(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    def work(_: Any, sheet: Any) -> None:  # noqa: ANN401 - the writer has no types
        sheet.merge_range(1, 5, 2, 5, "2026-10-25")
        sheet.merge_range(4, 6, 4, 7, 100)
        sheet.merge_range(3, 10, 4, 12, "")

    answer = await send(api, headers, workbook(*(cells(f"W-{n}") for n in range(5)), work=work))
    assert reasons(answer) == [(2, "merged_cells"), (3, "merged_cells"), (5, "merged_cells")]
    assert answer.json()["refused_rows"][0]["reason"] == "wrong_column_count"
    assert counts(answer) == {"accepted": 2, "refused": 3}


async def test_refused_rows_are_downloaded_as_a_workbook(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    content = workbook(*(cells(f"=W{n}", usage="x") for n in range(1_500)))
    report = (await send(api, headers | {"Accept-Language": "en"}, content)).json()
    accepted = {"Accept": f"text/csv, {MEDIA_TYPE}", "Accept-Language": "en"}
    answer = await api.get(report["refused_rows_url"], headers=headers | accepted)
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["content-language"] == "en"
    assert "refused-rows-of-2026-09.xlsx" in answer.headers["content-disposition"]
    table = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert table[0] == ["row", "bill_number", "reason", "message"]
    assert [line[0] for line in table[1:]] == list(range(2, 1_502))
    assert table[1][1:3] == ["=W0", "bad_bill_number"]
    as_csv = await api.get(report["refused_rows_url"], headers=headers | {"Accept": "text/csv"})
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"


async def test_refused_rows_of_a_csv_file_may_be_downloaded_as_a_workbook(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    report = (await upload(api, headers, file_of(row("伊犁")), charset="gb18030")).json()
    both = await api.get(report["refused_rows_url"], headers=headers | {"Accept": f"{MEDIA_TYPE}, text/csv"})
    assert both.headers["content-type"] == "text/csv; charset=gb18030"
    book = await api.get(report["refused_rows_url"], headers=headers | {"Accept": MEDIA_TYPE})
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0)
    assert sheet.to_python()[1][:2] == [2, "伊犁"]


async def test_usage_and_readings_keep_their_decimals(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await send(api, headers, workbook(cells(usage=0.001, meter_from=0, meter_to=100.10000000000001)))
    bill = await only_bill(database)
    assert (bill.usage, bill.meter_from, bill.meter_to) == (Decimal("0.001"), Decimal(0), Decimal("100.1"))


@pytest.mark.parametrize("code", ["General", "0", 0, 1, "00000000"])
async def test_a_number_shown_as_it_is_or_with_zeros_is_a_bill_number(
    api: httpx.AsyncClient, headers: dict[str, str], code: str | int
) -> None:
    assert counts(await send(api, headers, with_format(code, 4556, 0))) == {"accepted": 1}
