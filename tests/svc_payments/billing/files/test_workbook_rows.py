"""Rows of a workbook that are hidden, as a whole or in part, and rows above its header."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.svc_payments.billing.files.files import counts, reasons
from tests.svc_payments.billing.files.workbooks import COLUMNS, by_hand, cells, inline, send, workbook


async def test_hidden_rows_are_read_and_counted(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    def hide(_: Any, sheet: Any) -> None:  # noqa: ANN401 - the library has no types
        sheet.set_row(0, None, None, {"hidden": True})  # the header is no bill
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_row(3, 0)
        sheet.set_row(9, None, None, {"hidden": True})  # nothing is in it

    answer = await send(api, headers, workbook(cells("W-1"), cells("W-2"), cells("W-3", amount=0), work=hide))
    report = answer.json()
    assert (counts(answer), report["hidden_rows"]) == ({"accepted": 2, "refused": 1}, 2)
    again = await api.get(f"/payments/v1/bill-files/{report['bill_file_id']}", headers=headers)
    assert again.json()["hidden_rows"] == 2
    shown = await send(api, headers, workbook(cells("W-4")))
    assert shown.json()["hidden_rows"] == 0


def table(before: str, *rows: str) -> bytes:
    """A sheet of the header and two bills, with these attributes of their rows."""
    lines = [COLUMNS, *([str(value) for value in cells(f"W-{number}")] for number in (1, 2))]
    filled = [f"<row {row}>{inline(*line)}</row>" for row, line in zip(("", *rows), lines, strict=True)]
    return by_hand(f"{before}<sheetData>{''.join(filled)}</sheetData>")


def column(first: int, last: int, more: str) -> str:
    return f'<cols><col min="{first}" max="{last}" {more}/></cols>'


@pytest.mark.parametrize(
    ("content", "hidden"),
    [
        (table("", "hidden='1'", "hidden='true'"), 2),
        (table("", "hidden='0'", "hidden='false'"), 0),
        (table("", "ht='0'", "ht='0.00' customHeight='1'"), 2),
        (table("", "ht='0E0'", "ht='15' hidden='1'"), 2),
        (table("", "ht='0.75'", "ht='high'"), 0),
        (table("<sheetFormatPr defaultRowHeight='0'/>", "", "ht='15'"), 1),
        (table("<sheetFormatPr defaultRowHeight='15'/>", "", ""), 0),
        (table("<sheetFormatPr defaultRowHeight='15' zeroHeight='1'/>", "", "hidden='1'"), 1),
        (table(column(5, 5, "hidden='1'"), "", ""), 2),
        (table(column(1, 3, "width='0'"), "", "hidden='1'"), 2),
        (table(column(1, 8, "hidden='0' width='9'"), "", ""), 0),
        (table(column(9, 16384, "hidden='1' width='0'"), "", ""), 0),
        (table("<sheetFormatPr defaultColWidth='0' defaultRowHeight='15'/>" + column(1, 8, "width='9'"), "", ""), 0),
        (table("<sheetFormatPr defaultColWidth='0' defaultRowHeight='15'/>" + column(1, 7, "width='9'"), "", ""), 2),
    ],
)
async def test_whatever_hides_a_row_or_a_value_of_it_is_counted(
    api: httpx.AsyncClient, headers: dict[str, str], content: bytes, hidden: int
) -> None:
    answer = await send(api, headers, content)
    assert (counts(answer), answer.json()["hidden_rows"]) == ({"accepted": 2}, hidden)


def filtered(_: Any, sheet: Any) -> None:  # noqa: ANN401 - the library has no types
    sheet.autofilter(0, 0, 3, 7)
    sheet.filter_column(0, "x == W-1")
    sheet.set_row(2, None, None, {"hidden": True})
    sheet.set_row(3, None, None, {"hidden": True})


def unused_hidden(_: Any, sheet: Any) -> None:  # noqa: ANN401 - as above
    """As a spreadsheet program does when the rows below a table are hidden: it writes those shown without a height."""
    sheet.set_default_row(hide_unused_rows=True)


def grouped(_: Any, sheet: Any) -> None:  # noqa: ANN401 - as above
    sheet.set_row(1, None, None, {"level": 1, "hidden": True})
    sheet.set_column(6, 7, None, None, {"level": 1, "hidden": True})


@pytest.mark.parametrize(("work", "hidden"), [(filtered, 2), (unused_hidden, 0), (grouped, 2)])
async def test_hidden_rows_are_counted_as_programs_write_them(
    api: httpx.AsyncClient, headers: dict[str, str], work: Callable[[Any, Any], None], hidden: int
) -> None:
    rows = [cells("W-1"), cells("W-2"), cells("W-3", meter_from=None, meter_to=None)]
    answer = await send(api, headers, workbook(*rows, work=work))
    assert (counts(answer), answer.json()["hidden_rows"]) == ({"accepted": 3}, hidden)


@pytest.mark.parametrize("columns", ["<col/>", "<col min='x' max='2'/>", "<col min='1' max='1'/>" * 16_385])
async def test_columns_that_no_program_writes_are_refused(
    api: httpx.AsyncClient, headers: dict[str, str], columns: str
) -> None:
    answer = await send(api, headers, table(f"<cols>{columns}</cols>", "", ""))
    assert (answer.status_code, answer.json()["code"]) == (422, "workbook_broken")


async def test_titles_above_the_header_are_passed_over(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    def title(book: Any, sheet: Any) -> None:  # noqa: ANN401 - the library has no types
        sheet.merge_range(0, 0, 0, 7, "伊犁某水务公司2026年9月账单", book.add_format({"bold": True}))
        sheet.write_row(1, 0, ["制表人", "张"])
        for place, values in enumerate([COLUMNS, cells("W-1"), cells("W-2", amount=0)], 2):
            sheet.write_row(place, 0, values)
        # Another sheet with a title of its own is no table of bills.
        book.add_worksheet().write_row(0, 0, ["填表说明"])

    assert reasons(await send(api, headers, workbook(header=None, work=title))) == [(5, "amount_not_positive")]


async def test_a_row_above_the_header_is_no_title(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await send(api, headers, workbook(cells("W-1"), COLUMNS, cells("W-2"), header=None))
    assert (answer.status_code, answer.json()["code"], answer.json()["row"]) == (422, "wrong_header", 1)
