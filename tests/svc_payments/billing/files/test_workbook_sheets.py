"""Which sheet of a workbook is read."""

from typing import Any

import httpx
import pytest

from tests.svc_payments.billing.files.files import counts
from tests.svc_payments.billing.files.workbooks import COLUMNS, cells, send, workbook


class TestSheets:
    @staticmethod
    def book(*sheets: list[list[Any]], hidden: tuple[int, ...] = ()) -> bytes:
        def work(book: Any, first: Any) -> None:  # noqa: ANN401 - the writer has no types
            for number, rows in enumerate(sheets):
                sheet = first if number == 0 else book.add_worksheet()
                for at, values in enumerate(rows):
                    sheet.write_row(at, 0, values)
                if number in hidden:
                    sheet.hide()
                else:
                    sheet.activate()

        return workbook(header=None, work=work)

    @pytest.mark.parametrize("place", [0, 1, 2])
    async def test_empty_and_other_sheets_are_skipped(
        self, api: httpx.AsyncClient, headers: dict[str, str], place: int
    ) -> None:
        sheets: list[list[list[Any]]] = [[], [["How to fill this in"], ["…"]]]
        sheets.insert(place, [COLUMNS, cells()])
        assert counts(await send(api, headers, self.book(*sheets))) == {"accepted": 1}

    async def test_hidden_sheets_are_skipped(self, api: httpx.AsyncClient, headers: dict[str, str]) -> None:
        content = self.book([COLUMNS, cells("W-0")], [COLUMNS, cells("W-1"), cells("W-2")], hidden=(0,))
        assert counts(await send(api, headers, content)) == {"accepted": 2}

    @pytest.mark.parametrize(
        ("sheets", "named"),
        [
            ([[COLUMNS, cells()], [], [COLUMNS, cells()]], [1, 3]),
            ([[["a"]], [["b"]]], [1, 2]),
        ],
    )
    async def test_two_tables_are_refused(
        self, api: httpx.AsyncClient, headers: dict[str, str], sheets: list[list[list[Any]]], named: list[int]
    ) -> None:
        answer = await send(api, headers, self.book(*sheets))
        assert (answer.status_code, answer.json()["code"]) == (422, "several_sheets")
        assert answer.json()["sheets"] == named

    @pytest.mark.parametrize("number", [1, 2])
    async def test_a_workbook_of_empty_sheets_is_an_empty_file(
        self, api: httpx.AsyncClient, headers: dict[str, str], number: int
    ) -> None:
        answer = await send(api, headers, self.book(*[[]] * number))
        assert (answer.status_code, answer.json()["code"]) == (422, "empty_file")

    async def test_another_table_is_a_wrong_header(self, api: httpx.AsyncClient, headers: dict[str, str]) -> None:
        answer = await send(api, headers, workbook(["a", "b"], header=["c", "d"]))
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_header")
