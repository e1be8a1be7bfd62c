"""The channel's daily statement: every payment and refund of a merchant, its fees, and control totals.

As at the national channels, a signed answer carries the download address and the SHA-256 of the file, which may be
large and is fetched separately.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.local.sandboxes.base import Refused, only_from_this_machine, rfc3339
from kit.csv_text import Cell, csv_text

COLUMNS = (
    "kind",
    "order_number",
    "transaction_id",
    "refund_number",
    "refund_id",
    "amount_fen",
    "fee_fen",
    "state",
    "at",
)
CHINA = ZoneInfo("Asia/Shanghai")
FEE_PER_MILLE = 3
"""Of each payment, rounded half up to whole fen; a refund gives none of it back."""

PAYMENTS = """
SELECT 'payment' AS kind, order_number, transactions.transaction_id, '' AS refund_number, '' AS refund_id,
    transactions.amount_fen, (transactions.amount_fen * :fee + 500) / 1000 AS fee_fen, 'succeeded' AS state,
    transactions.paid_at AS at
FROM transactions JOIN orders USING (order_number)
WHERE merchant_id = :merchant_id AND transactions.paid_at >= :begins AND transactions.paid_at < :ends
"""
# A refund stands in the bill of the day it succeeded, before that in the bill of the day it was requested.
REFUNDS = """
SELECT 'refund', order_number, transaction_id, refund_number, refund_id, amount_fen, 0, state,
    coalesce(refunded_at, created_at) AS at
FROM refunds
WHERE merchant_id = :merchant_id AND coalesce(refunded_at, created_at) >= :begins
    AND coalesce(refunded_at, created_at) < :ends
"""
BILL = f"{PAYMENTS} UNION ALL {REFUNDS} ORDER BY at, transaction_id, refund_number"


@dataclass(frozen=True)
class Statements:
    db: sqlite3.Connection

    async def describe(self, request: Request, _: bytes) -> JSONResponse:
        """The download address and the hash of a day's file, signed; today's file is incomplete."""
        day, merchant_id = _day_and_merchant(request)
        if day > datetime.now(CHINA).date():
            raise Refused(409, "day_not_begun", "This day is in the future; it has no statement yet.")
        file = self._file(day, merchant_id)
        where = request.url_for("statement_file", day=day.isoformat()).include_query_params(merchant_id=merchant_id)
        description = {
            "day": day.isoformat(),
            "merchant_id": merchant_id,
            "sha256": hashlib.sha256(file).hexdigest(),
            "bytes": len(file),
            "download_url": str(where),
        }
        return JSONResponse(description)

    async def file(self, request: Request) -> Response:
        only_from_this_machine(request)
        return Response(self._file(*_day_and_merchant(request)), media_type="text/csv; charset=utf-8")

    def _file(self, day: date, merchant_id: str) -> bytes:
        rows: list[list[Cell]] = [["statement", merchant_id, day.isoformat()], [*COLUMNS]]
        lines, paid, refunded, fees = 0, 0, 0, 0
        for row in self._rows(day, merchant_id):
            rows.append([*row])
            lines, fees = lines + 1, fees + row["fee_fen"]
            if row["kind"] == "payment":
                paid += row["amount_fen"]
            elif row["state"] == "succeeded":
                refunded += row["amount_fen"]
        rows.append(["total", lines, paid, refunded, fees])
        return csv_text(rows).encode()

    def _rows(self, day: date, merchant_id: str) -> Iterator[sqlite3.Row]:
        begins = datetime.combine(day, time(), CHINA).astimezone(UTC)
        period = {"begins": rfc3339(begins), "ends": rfc3339(begins + timedelta(days=1))}
        yield from self.db.execute(BILL, {"merchant_id": merchant_id, "fee": FEE_PER_MILLE, **period})


def _day_and_merchant(request: Request) -> tuple[date, str]:
    try:
        day = date.fromisoformat(request.path_params["day"])
    except ValueError:
        raise Refused(422, "invalid_request", "day must be a date like 2026-01-31") from None
    return day, request.query_params.get("merchant_id", "")
