"""Rows of a bill file as they are staged."""

import io
from datetime import date
from uuid import UUID

from kit.fields.customer_parameters import TEN_DIGITS, CustomerParameters
from svc_payments.billing.files.rows import staged_rows

THIS_MONTH = date(2026, 11, 1)


PROVIDER = UUID(int=7)


def staged(text: str, numbers: CustomerParameters = TEN_DIGITS) -> list[list[str]]:
    """The staged rows as lists of columns: row number, eight values, reason."""
    file = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", newline=None)
    lines = "".join(staged_rows(file, THIS_MONTH, PROVIDER, numbers).blocks).split("\n")
    return [line.split("\t") for line in lines[:-1]]


def outcomes(text: str) -> list[tuple[int, str]]:
    return [(int(columns[0]), columns[-1]) for columns in staged(text)]
