"""Files of bills whose meter began again at 0."""

from decimal import Decimal

import httpx
from sqlalchemy import select

from chassis.db import Database
from svc_payments.billing.bills.models import Bill
from tests.svc_payments.billing.files.files import HEADER, counts, reasons, row, upload
from tests.svc_payments.billing.files.workbooks import COLUMNS, cells, send, workbook

DIGITS = "meter_digits"


def round_row(number: str, digits: str) -> str:
    return row(number, usage="20", meter_from="9990", meter_to="10", meter_digits=digits)


async def test_a_csv_file_has_the_digits_in_a_column(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    rows = [round_row("W-1", "4"), round_row("W-2", ""), round_row("W-3", "4x"), round_row("W-4", "3")]
    answer = await upload(api, headers, "\n".join([f"{HEADER},{DIGITS}", *rows, ""]))
    assert counts(answer) == {"accepted": 1, "refused": 3}
    assert reasons(answer) == [(number, "bad_meter_reading") for number in (3, 4, 5)]
    async with database.read() as tx:
        bill = (await tx.scalars(select(Bill))).one()
    assert (bill.bill_number, bill.meter_digits, bill.usage) == ("W-1", 4, Decimal(20))


async def test_a_workbook_has_them_as_a_number(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    reading = {"usage": 20, "meter_from": 9990, "meter_to": 10}
    rows = [cells("W-1", **reading, meter_digits=4), cells("W-2", **reading, meter_digits="4")]
    header = [*COLUMNS, DIGITS]
    content = workbook(*rows, cells("W-3", **reading, meter_digits=None), header=header)
    answer = await send(api, headers, content)
    assert (counts(answer), reasons(answer)) == ({"accepted": 2, "refused": 1}, [(4, "bad_meter_reading")])


async def test_without_the_column_the_row_is_refused_as_before(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await upload(api, headers, "\n".join([HEADER, row(meter_from="9990", meter_to="10"), ""]))
    (refused,) = answer.json()["refused_rows"]
    assert (refused["code"], "meter_digits" in refused["message"]) == ("bad_meter_reading", True)
