"""Formulas in workbooks: their stored result counts, and where there is none the row is refused as such."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from chassis.db import Database
from svc_payments.billing.bills.models import Bill
from tests.svc_payments.billing.files.files import counts, reasons
from tests.svc_payments.billing.files.workbooks import COLUMNS, by_hand, cells, inline, send, workbook


def with_cell(cell: str, column: int = 4) -> bytes:
    """One bill with this cell in a column."""
    values = [str(value) for value in cells()]
    row = f"{inline(*values[:column])}{cell}{inline(*values[column + 1 :])}"
    return by_hand(f"<sheetData><row>{inline(*COLUMNS)}</row><row>{row}</row></sheetData>")


@pytest.mark.parametrize(
    "cell",
    [
        "<c><f>D2*2</f></c>",
        "<c><f>D2*2</f><v/></c>",  # as openpyxl writes it
        "<c><f>D2*2</f><v></v></c>",
        "<c t='n'><f>D2*2</f><v></v></c>",
        "<c t='str'><f>D2*2</f></c>",
        "<c t='e'><f>1/0</f><v>#DIV/0!</v></c>",
        "<c><f t='shared' si='0'/></c>",
        "<c><f t='array' ref='E2'>SUM(D2)</f><v/></c>",
        "<c><v/><f>D2*2</f></c>",
    ],
)
@pytest.mark.parametrize("column", [0, 4, 6, 7])
async def test_a_formula_without_a_stored_value_is_refused_as_such(
    api: httpx.AsyncClient, headers: dict[str, str], cell: str, column: int
) -> None:
    assert reasons(await send(api, headers, with_cell(cell, column))) == [(2, "formula_without_value")]


@pytest.mark.parametrize("cell", ["<c t='str'><f>IF(A2=1,1,\"\")</f><v></v></c>", "<c><v/></c>", "<c/>"])
async def test_an_empty_text_is_the_result_of_a_formula(
    api: httpx.AsyncClient, headers: dict[str, str], cell: str
) -> None:
    assert counts(await send(api, headers, with_cell(cell, 6))) == {"accepted": 1}


async def test_a_zero_that_nobody_computed_is_no_result(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    """XlsxWriter writes 0 beside each formula, and that the workbook is to be computed when it is opened."""

    def work(_: Any, sheet: Any) -> None:  # noqa: ANN401 - the writer has no types
        sheet.write_formula(1, 3, "=H2-G2")
        sheet.write_formula(2, 3, "=H3-G3", None, 12.5)
        sheet.write_formula(3, 4, "=D4*2")

    answer = await send(
        api, headers, workbook(cells("W-1"), cells("W-2"), cells("W-3"), cells("W-4", usage=0), work=work)
    )
    assert reasons(answer) == [(2, "formula_without_value"), (4, "formula_without_value")]
    async with database.read() as tx:
        used = {bill.bill_number: str(bill.usage) for bill in await tx.scalars(select(Bill))}
    assert used.keys() == {"W-2", "W-4"}
    assert used["W-2"] == "12.500"


async def test_a_zero_that_a_program_computed_is_a_result(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert counts(await send(api, headers, with_cell("<c><f>H2-G2</f><v>0</v></c>", 3))) == {"accepted": 1}


@pytest.mark.parametrize(
    ("language", "shown"), [("zh", "公式"), ("en", "formula"), ("kk-Arab", "فورمۋلا"), ("ug", "فورمۇلا")]
)
async def test_the_reason_says_what_to_do_about_a_formula(
    api: httpx.AsyncClient, headers: dict[str, str], language: str, shown: str
) -> None:
    answer = await send(api, headers, with_cell("<c><f>D2*2</f><v/></c>"), Accept_Language=language)
    assert shown in answer.json()["refused_rows"][0]["message"]
