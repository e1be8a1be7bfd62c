"""Refunds of the payment channel: by the merchant's numbers, several per payment, in total at most what was paid."""

import sqlite3
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.local.sandboxes.base import (
    Faults,
    Json,
    Refused,
    only_from_this_machine,
    parse,
    rfc3339,
    text,
    transaction,
    url,
    whole_number,
    withhold_answer,
    yuan,
)
from deploy.local.sandboxes.notices import Notices, encode

NUMBER = r"[0-9A-Za-z_-]{6,64}"
LARGEST_FEN = 10_000_000_000
SEEN_BY_MERCHANT = (
    "merchant_id",
    "refund_number",
    "order_number",
    "transaction_id",
    "amount_fen",
    "state",
    "refund_id",
    "refunded_at",
)
FAULTS = ("refuse_refunds", "close_refunds", "slow_refunds", "refund_timeouts")
SCHEMA = """
CREATE TABLE IF NOT EXISTS refunds (
    refund_number TEXT PRIMARY KEY,
    refund_id TEXT NOT NULL UNIQUE,
    merchant_id TEXT NOT NULL,
    order_number TEXT NOT NULL,
    transaction_id TEXT NOT NULL REFERENCES transactions,
    amount_fen INTEGER NOT NULL,
    paid_fen INTEGER NOT NULL,
    notify_url TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'processing',
    created_at TEXT NOT NULL,
    refunded_at TEXT
);
CREATE INDEX IF NOT EXISTS refunds_of_transaction ON refunds (transaction_id);
"""
PAID = """
SELECT transactions.amount_fen, merchant_id FROM transactions JOIN orders USING (order_number)
WHERE transactions.transaction_id = ? AND order_number = ?
"""
REFUNDED = "SELECT ifnull(sum(amount_fen), 0) AS fen FROM refunds WHERE transaction_id = ? AND state <> 'closed'"


@dataclass(frozen=True)
class Refunds:
    db: sqlite3.Connection
    faults: Faults
    notices: Notices

    async def place(self, request: Request, raw: bytes) -> JSONResponse:
        wanted = _refund_of(parse(raw))
        known = self._refund(wanted["refund_number"])
        if known and any(known[name] != value for name, value in wanted.items()):
            raise Refused(409, "refund_number_reused", "This refund number belongs to a refund with other content.")
        if not known:
            self._accept(wanted)
        if self.faults.take("refund_timeouts"):
            await withhold_answer(request)
        return JSONResponse(_content_of(self._known(wanted["refund_number"])), 200 if known else 201)

    async def query(self, request: Request, _: bytes) -> JSONResponse:
        refund = self._known(request.path_params["refund_number"])
        if refund["merchant_id"] != request.query_params.get("merchant_id"):
            raise Refused(404, "unknown_refund", "There is no such refund.")
        return JSONResponse(_content_of(refund))

    async def settle(self, request: Request) -> Response:
        """Settle a slow refund, as the payer's bank does; `abnormal`: the bank could not accept the money."""
        only_from_this_machine(request)
        state = text(parse(await request.body()), "state", "succeeded|closed|abnormal")
        refund = self._known(request.path_params["refund_number"])
        if refund["state"] != "processing":
            raise Refused(409, "refund_settled", "This refund is already settled.")
        with transaction(self.db):
            self._settle(refund["refund_number"], state)
        self.notices.wake()
        return JSONResponse(_content_of(self._known(refund["refund_number"])))

    def _accept(self, wanted: Json) -> None:
        paid = self.db.execute(PAID, (wanted["transaction_id"], wanted["order_number"])).fetchone()
        if paid is None or paid["merchant_id"] != wanted["merchant_id"]:
            raise Refused(404, "unknown_transaction", "This order has no such transaction.")
        if self.faults.take("refuse_refunds"):
            raise Refused(403, "refund_not_allowed", "The sandbox is set to refuse refunds.")
        if paid["amount_fen"] != wanted["paid_fen"]:
            raise Refused(422, "invalid_request", f"paid_fen: the transaction's amount is {yuan(paid['amount_fen'])}.")
        with transaction(self.db):
            refunded = self.db.execute(REFUNDED, (wanted["transaction_id"],)).fetchone()["fen"]
            if refunded + wanted["amount_fen"] > paid["amount_fen"]:
                left = paid["amount_fen"] - refunded
                raise Refused(
                    403, "refund_exceeds_payment", f"At most {yuan(left)} of this transaction can be refunded."
                )
            now = datetime.now(UTC)
            row = {**wanted, "refund_id": f"R{now:%Y%m%d}{uuid.uuid4().hex[:20]}", "created_at": rfc3339(now)}
            columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
            self.db.execute(f"INSERT INTO refunds ({columns}) VALUES ({values})", row)  # noqa: S608 - our own names
            if not self.faults.take("slow_refunds"):
                self._settle(wanted["refund_number"], "closed" if self.faults.take("close_refunds") else "succeeded")
        self.notices.wake()

    def _settle(self, refund_number: str, state: str) -> None:
        refunded_at = rfc3339(datetime.now(UTC)) if state == "succeeded" else None
        update = "UPDATE refunds SET state = ?, refunded_at = ? WHERE refund_number = ?"
        self.db.execute(update, (state, refunded_at, refund_number))
        refund = self._known(refund_number)
        content = {"notice_id": str(uuid.uuid4()), "event": f"refund.{state}", **_content_of(refund)}
        self.notices.add(content["notice_id"], refund["order_number"], refund["notify_url"], encode(content))

    def _refund(self, refund_number: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None
        found = self.db.execute("SELECT * FROM refunds WHERE refund_number = ?", (refund_number,)).fetchone()
        return found

    def _known(self, refund_number: str) -> sqlite3.Row:
        refund = self._refund(refund_number)
        if refund is None:
            raise Refused(404, "unknown_refund", "There is no such refund.")
        return refund


def _refund_of(body: Json) -> Json:
    return {
        "refund_number": text(body, "refund_number", NUMBER),
        "merchant_id": text(body, "merchant_id", r"[0-9A-Za-z_-]{1,64}"),
        "order_number": text(body, "order_number", NUMBER),
        "transaction_id": text(body, "transaction_id", r"[!-~]{1,64}"),
        "amount_fen": whole_number(body, "amount_fen", LARGEST_FEN),
        "paid_fen": whole_number(body, "paid_fen", LARGEST_FEN),
        "notify_url": url(body, "notify_url"),
    }


def _content_of(refund: sqlite3.Row) -> Json:
    return {**{name: refund[name] for name in SEEN_BY_MERCHANT}, "currency": "CNY"}
