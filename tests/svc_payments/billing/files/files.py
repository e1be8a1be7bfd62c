"""Bill files in CSV, row by row."""

from typing import Any
from uuid import UUID

import httpx

from chassis.testing import Tokens
from contracts.reference_provider.roster import account_number

HEADER = "bill_number,account_number,period,usage,amount,due_date,meter_from,meter_to"
ACCOUNT = account_number("files", 0)


def row(bill_number: str = "W-1", **columns: str) -> str:
    """A valid row with these columns changed."""
    usual = {
        "bill_number": bill_number,
        "account_number": ACCOUNT,
        "period": "2026-09",
        "usage": "12.5",
        "amount": "28.75",
        "due_date": "2026-10-25",
        "meter_from": "100",
        "meter_to": "112.5",
    }
    return ",".join({**usual, **columns}.values())


def file_of(*rows: str, line_end: str = "\r\n") -> str:
    return line_end.join([HEADER, *rows, ""])


async def upload(
    api: httpx.AsyncClient,
    headers: dict[str, str],
    content: str | bytes,
    *,
    charset: str | None = "utf-8",
    name: str = "2026-09.csv",
    **more_headers: str,
) -> httpx.Response:
    media_type = "text/csv" if charset is None else f"text/csv; charset={charset}"
    more = {header.replace("_", "-"): value for header, value in more_headers.items()}
    body = content if isinstance(content, bytes) else content.encode(charset or "utf-8")
    return await api.put(
        f"/payments/v1/bill-files/{name}", content=body, headers=headers | {"Content-Type": media_type} | more
    )


def counts(answer: httpx.Response) -> dict[str, int]:
    """The counts of an accepted file that are not 0."""
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    assert report["rows"] == sum(report[name] for name in ("accepted", "unchanged", "amended", "refused"))
    return {name: report[name] for name in ("accepted", "unchanged", "amended", "refused") if report[name]}


def reasons(answer: httpx.Response) -> list[tuple[int, str]]:
    assert answer.status_code == 200, answer.text
    return [(refused["row"], refused["code"]) for refused in answer.json()["refused_rows"]]


def uploader(tokens: Tokens, provider_id: UUID) -> dict[str, str]:
    return tokens.client(provider_id, "bills:write")
