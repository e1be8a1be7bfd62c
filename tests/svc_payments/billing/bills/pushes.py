"""Bills pushed over the API."""

from typing import Any

import httpx
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import once
from svc_payments.billing.bills.models import Bill
from tests.svc_payments.billing.files.files import ACCOUNT

URL = "/payments/v1/bills"


def bill(bill_number: str = "W-1", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A valid bill with these changes; the same bill as `row` of bill files."""
    usual = {
        "bill_number": bill_number,
        "account_number": ACCOUNT,
        "period": "2026-09",
        "usage": "12.5",
        "amount_fen": 2875,
        "due_date": "2026-10-25",
        "meter_from": "100",
        "meter_to": "112.5",
    }
    return {**usual, **fields}


async def push(api: httpx.AsyncClient, headers: dict[str, str], *bills: dict[str, Any]) -> httpx.Response:
    return await api.post(URL, json={"bills": bills}, headers=headers | once())


def outcomes(answer: httpx.Response) -> list[str]:
    """For each bill accepted, unchanged, amended, or the reason for its refusal."""
    assert answer.status_code == 200, answer.text
    report = answer.json()
    found = [each["reason"] or each["outcome"] for each in report["bills"]]
    assert [each["index"] for each in report["bills"]] == list(range(len(found)))
    named = {name: sum(each["outcome"] == name for each in report["bills"]) for name in report if name != "bills"}
    assert named == {name: report[name] for name in named}
    return found


async def bill_of(database: Database, bill_number: str = "W-1") -> Bill:
    async with database.read() as tx:
        return (await tx.scalars(select(Bill).where(Bill.bill_number == bill_number))).one()
