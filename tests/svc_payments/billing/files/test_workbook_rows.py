"""Rows of a workbook that are hidden, and rows above its header."""

from typing import Any

import httpx

from tests.svc_payments.billing.files.files import counts, reasons
from tests.svc_payments.billing.files.workbooks import COLUMNS, cells, send, workbook


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
