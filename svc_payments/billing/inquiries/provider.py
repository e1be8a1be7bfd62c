"""The provider's answer about an account, validated row by row like a bill file before any of it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from svc_payments.billing.bills.account_bills import OUR_PREFIX
from svc_payments.billing.bills.schemas import Fen, MeterDigits, Value, yuan
from svc_payments.billing.bills.validation import COLUMNS, CheckedRow, checked
from svc_payments.billing.inquiries.models import Result
from svc_payments.parties.providers.live_query import NotUsable, Questions
from svc_payments.parties.providers.models import Provider

QUESTION = "bill_inquiry"
NAMES = (*COLUMNS, "meter_digits")
MOST_BILLS = 50
"""Of one account; the contract says so."""


class _NamedBill(BaseModel):
    bill_number: Value
    account_number: Value
    period: Value
    usage: Value
    amount_fen: Fen
    due_date: Value
    meter_from: Value | None = None
    meter_to: Value | None = None
    meter_digits: MeterDigits | None = None


class _Answer(BaseModel):
    result: Literal[
        Result.DUE,
        Result.NOTHING_DUE,
        Result.NO_ACCOUNT,
        Result.CLOSED,
        Result.NOT_PAYABLE_ONLINE,
        Result.PAYMENT_UNFINISHED,
    ]
    bills: Annotated[list[_NamedBill], Field(max_length=MOST_BILLS)] = []


@dataclass(frozen=True)
class Answered:
    result: Result
    rows: Sequence[CheckedRow] = ()
    """The bills it names, when something is due."""


async def inquire(
    questions: Questions, provider: Provider, inquiry_id: object, account_number: str, this_month: date
) -> Answered:
    """Query the amounts due on an account.

    Raises:
        NotAnswered, NotUsable
    """
    content = {"inquiry_id": str(inquiry_id), "account_number": account_number}
    answer = await questions.ask(provider, "/bill-inquiries", content, _Answer)
    return Answered(answer.result, _rows(answer, account_number, this_month))


def _rows(answer: _Answer, account_number: str, this_month: date) -> Sequence[CheckedRow]:
    if (answer.result == Result.DUE) != bool(answer.bills):
        raise NotUsable("bills_do_not_fit_result")
    rows = [_row(bill, account_number, this_month) for bill in answer.bills]
    if len({row.bill_number for row in rows}) != len(rows):
        raise NotUsable("bill_number_twice")
    return rows


def _row(bill: _NamedBill, account_number: str, this_month: date) -> CheckedRow:
    fields = {**bill.model_dump(), "amount": yuan(bill.amount_fen)}
    values = ["" if fields[name] is None else str(fields[name]) for name in NAMES]
    row = checked(values, this_month, None, NAMES)
    if not isinstance(row, CheckedRow):
        raise NotUsable(row)
    if row.account_number != account_number:
        raise NotUsable("bill_of_other_account")
    if row.bill_number.startswith(OUR_PREFIX):
        raise NotUsable("bill_number_reserved")
    return row
