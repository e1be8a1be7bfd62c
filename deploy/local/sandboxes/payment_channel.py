"""A payment channel: orders, a cashier, refunds, deduction contracts, signed notices retried until acknowledged.

Like the national mobile channels, it refuses an unsigned or replayed request, signs its answers, and notifies the
merchant of a payment later, over another connection, possibly twice.
"""

import asyncio
import contextlib
import logging
import signal
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.sandboxes.base import (
    Faults,
    Json,
    Refused,
    application,
    moment,
    only_from_this_machine,
    open_state,
    parse,
    problem,
    rfc3339,
    setting,
    text,
    transaction,
    url,
    whole_number,
    withhold_answer,
    yuan,
)
from deploy.local.sandboxes.contracts import FAULTS as CONTRACT_FAULTS
from deploy.local.sandboxes.contracts import SCHEMA as CONTRACTS_SCHEMA
from deploy.local.sandboxes.contracts import Contracts, SignedEndpoint
from deploy.local.sandboxes.notices import Notices, encode
from deploy.local.sandboxes.refunds import FAULTS as REFUND_FAULTS
from deploy.local.sandboxes.refunds import LARGEST_FEN, NUMBER, Refunds
from deploy.local.sandboxes.refunds import SCHEMA as REFUNDS_SCHEMA
from deploy.local.sandboxes.signed_requests import as_signed, authenticate
from deploy.local.sandboxes.statements import Statements
from kit.signatures import messages
from kit.signatures.keys import load_private_key, load_public_keys
from kit.signatures.messages import sign_answer, sign_request
from kit.signatures.refusals import MAX_CLOCK_SKEW

NAME = "sandbox"
"""The recipient that requests to the channel name."""
SEEN_BY_PAYER = ("order_number", "description", "amount_fen", "state")
SEEN_BY_MERCHANT = ("order_number", "merchant_id", "state", "amount_fen", "transaction_id", "paid_at")
SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    order_number TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    description TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    account TEXT,
    transaction_id TEXT,
    paid_at TEXT
);
CREATE TABLE IF NOT EXISTS transactions (
    transaction_id TEXT PRIMARY KEY,
    order_number TEXT NOT NULL REFERENCES orders,
    amount_fen INTEGER NOT NULL,
    paid_at TEXT NOT NULL
);
INSERT INTO transactions SELECT transaction_id, order_number, amount_fen, paid_at FROM orders
WHERE state = 'paid' ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, seen_at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonces_by_age ON nonces (seen_at);
"""
EXPIRE = "UPDATE orders SET state = 'closed' WHERE order_number = ? AND state = 'waiting' AND expires_at <= ?"
MARK_PAID = """
UPDATE orders SET state = 'paid', account = :account, transaction_id = :transaction_id, paid_at = :paid_at
WHERE order_number = :order_number AND state = 'waiting'
"""
RECORD_TRANSACTION = "INSERT INTO transactions VALUES (:transaction_id, :order_number, :amount_fen, :paid_at)"


def create_app() -> Starlette:
    db = open_state("payment_channel", SCHEMA + REFUNDS_SCHEMA + CONTRACTS_SCHEMA)
    further = (*REFUND_FAULTS, *CONTRACT_FAULTS)
    faults = Faults("order_timeouts", "double_payments", "drop_notices", "duplicate_notices", *further)
    key_pem = setting("MYILI_CHANNEL_PRIVATE_KEY", "the RSA key that signs its notices, PEM")
    merchant_pem = setting("MYILI_MERCHANT_PUBLIC_KEY", "the RSA key that checks the merchant's requests, PEM")
    try:
        key, merchant_keys = load_private_key(key_pem), load_public_keys(merchant_pem)
    except ValueError as unusable:
        raise SystemExit(f"The payment channel's keys are not usable: {unusable}.") from None
    own_url = setting("MYILI_CHANNEL_URL", "the address under which the platform calls the channel").rstrip("/")
    notices = Notices(db, faults, partial(sign_request, key))
    refunds, statements = Refunds(db, faults, notices), Statements(db)
    channel = Channel(db, faults, notices, refunds, statements, Keys(key, merchant_keys), own_url)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sending = asyncio.create_task(notices.keep_sending())
        # A channel that cannot send notices (disk full) must end visibly, not stay silent.
        sending.add_done_callback(_end_unless_cancelled)
        yield
        sending.cancel()
        await asyncio.wait([sending])

    return application(db, channel.routes(), faults, lifespan)


@dataclass(frozen=True)
class Keys:
    own: RSAPrivateKey
    merchant: Mapping[str, RSAPublicKey]


@dataclass(frozen=True)
class Channel:
    db: sqlite3.Connection
    faults: Faults
    notices: Notices
    refunds: Refunds
    statements: Statements
    keys: Keys
    url: str

    def routes(self) -> list[Route]:
        return [
            Route("/orders", self.signed(self.place), methods=["POST"]),
            Route("/orders/{order_number}", self.signed(self.query), methods=["GET"]),
            Route("/orders/{order_number}/close", self.signed(self.close), methods=["POST"]),
            Route("/orders/{order_number}/notices", self.show_notices, methods=["GET"]),
            Route("/refunds", self.signed(self.refunds.place), methods=["POST"]),
            Route("/refunds/{refund_number}", self.signed(self.refunds.query), methods=["GET"]),
            Route("/refunds/{refund_number}/settle", self.refunds.settle, methods=["POST"]),
            Route("/statements/{day}", self.signed(self.statements.describe), methods=["GET"]),
            Route("/statements/{day}/file", self.statements.file, methods=["GET"], name="statement_file"),
            Route("/cashier/{order_number}", self.show_bill, methods=["GET"]),
            Route("/cashier/{order_number}", self.pay, methods=["POST"], name="cashier"),
            *Contracts(self.db, self.faults, self.notices, self).routes(),
        ]

    def signed(self, endpoint: SignedEndpoint) -> Callable[[Request], Awaitable[Response]]:
        """Check the merchant's signature before reading the request, and sign every answer to an authentic one."""

        async def answer(request: Request) -> Response:
            raw, signed = await request.body(), as_signed(self.url, request)
            self._authenticate(signed, raw)
            try:
                await self.faults.delay_or_refuse()
                result = await endpoint(request, raw)
            except Refused as refused:
                result = problem(refused.status, refused.code, refused.detail)
            body, content_type = bytes(result.body), result.headers["Content-Type"]
            result.headers.update(sign_answer(self.keys.own, signed, result.status_code, body, content_type))
            return result

        return answer

    def _authenticate(self, request: messages.Request, raw: bytes) -> None:
        unseen = authenticate(self.keys.merchant, NAME, request, raw)
        now = time.time()
        # Beyond the clock skew a nonce may be deleted: by then its signature has expired.
        self.db.execute("DELETE FROM nonces WHERE seen_at < ?", (now - 2 * MAX_CLOCK_SKEW,))
        nonce = (unseen, now)
        if not self.db.execute("INSERT INTO nonces VALUES (?, ?) ON CONFLICT DO NOTHING", nonce).rowcount:
            raise Refused(401, "nonce_replayed", "This nonce has been used before.")

    async def place(self, request: Request, raw: bytes) -> JSONResponse:
        order, known = self.keep_order(raw)
        if self.faults.take("order_timeouts"):
            await withhold_answer(request)
        pay_url = str(request.url_for("cashier", order_number=order["order_number"]))
        content = {"order_number": order["order_number"], "state": order["state"], "pay_url": pay_url}
        return JSONResponse(content, 200 if known else 201)

    def keep_order(self, raw: bytes) -> tuple[sqlite3.Row, bool]:
        """Store the order in a body unless it is known. Returns the order, and whether it was known."""
        wanted = _order_of(parse(raw))
        known = self._order(wanted["order_number"])
        if known and any(known[name] != value for name, value in wanted.items()):
            raise Refused(409, "order_number_reused", "This order number belongs to an order with other content.")
        if known:
            return known, True
        if wanted["expires_at"] <= rfc3339(datetime.now(UTC)):
            raise Refused(422, "invalid_request", "expires_at has passed.")
        columns, values = ", ".join(wanted), ", ".join(f":{name}" for name in wanted)
        self.db.execute(f"INSERT INTO orders ({columns}) VALUES ({values})", wanted)  # noqa: S608 - our own names
        kept = self.db.execute("SELECT * FROM orders WHERE order_number = ?", (wanted["order_number"],))
        return kept.fetchone(), False

    async def query(self, request: Request, _: bytes) -> JSONResponse:
        order = self._order_of_merchant(request, request.query_params.get("merchant_id"))
        return JSONResponse(_seen_by_merchant(order))

    async def close(self, request: Request, raw: bytes) -> JSONResponse:
        order = self._order_of_merchant(request, parse(raw).get("merchant_id"))
        if order["state"] == "paid":
            raise Refused(409, "order_paid", "A paid order cannot be closed.")
        self.db.execute("UPDATE orders SET state = 'closed' WHERE order_number = ?", (order["order_number"],))
        return JSONResponse({"order_number": order["order_number"], "state": "closed"})

    async def show_bill(self, request: Request) -> Response:
        order = self._known_order(request)
        return JSONResponse({name: order[name] for name in SEEN_BY_PAYER})

    async def pay(self, request: Request) -> Response:
        """Pay the order, as the payer's wallet does; the body may carry the amount that the payer saw."""
        body = parse(await request.body())
        account, order = text(body, "account"), self._known_order(request)
        if order["state"] == "closed":
            raise Refused(409, "order_closed", "This order has expired or was closed.")
        if body.get("amount_fen", order["amount_fen"]) != order["amount_fen"]:
            raise Refused(409, "amount_mismatch", f"The order's amount is {yuan(order['amount_fen'])}.")
        if order["state"] == "paid" and order["account"] != account:
            raise Refused(409, "order_paid", "Another account has paid this order.")
        if order["state"] == "waiting":
            self.capture(order, account)
        return JSONResponse(_seen_by_merchant(self._known_order(request)))

    def capture(self, order: sqlite3.Row, account: str) -> None:
        with transaction(self.db):  # the payment and its notice are stored together
            self._record_payment(order, account)
            if self.faults.take("double_payments"):
                self._record_payment(order, account)
        self.notices.wake()

    def _record_payment(self, order: sqlite3.Row, account: str) -> None:
        now = datetime.now(UTC)
        paid = {
            "order_number": order["order_number"],
            "transaction_id": f"{now:%Y%m%d}{uuid.uuid4().hex[:20]}",
            "amount_fen": order["amount_fen"],
            "paid_at": rfc3339(now),
        }
        content = {
            "notice_id": str(uuid.uuid4()),
            "event": "payment.succeeded",
            "merchant_id": order["merchant_id"],
            **paid,
            "currency": "CNY",
        }
        self.db.execute(MARK_PAID, {**paid, "account": account})
        self.db.execute(RECORD_TRANSACTION, paid)
        self.notices.add(content["notice_id"], order["order_number"], order["notify_url"], encode(content))

    async def show_notices(self, request: Request) -> Response:
        only_from_this_machine(request)
        return JSONResponse({"items": self.notices.sent(self._known_order(request)["order_number"])})

    def _order(self, order_number: str) -> sqlite3.Row | None:
        self.db.execute(EXPIRE, (order_number, rfc3339(datetime.now(UTC))))
        found: sqlite3.Row | None
        found = self.db.execute("SELECT * FROM orders WHERE order_number = ?", (order_number,)).fetchone()
        return found

    def _known_order(self, request: Request) -> sqlite3.Row:
        order = self._order(request.path_params["order_number"])
        if order is None:
            raise Refused(404, "unknown_order", "There is no such order.")
        return order

    def _order_of_merchant(self, request: Request, merchant_id: object) -> sqlite3.Row:
        order = self._known_order(request)
        if order["merchant_id"] != merchant_id:
            raise Refused(404, "unknown_order", "There is no such order.")
        return order


def _order_of(body: Json) -> Json:
    return {
        "order_number": text(body, "order_number", NUMBER),
        "merchant_id": text(body, "merchant_id", r"[0-9A-Za-z_-]{1,64}"),
        "amount_fen": whole_number(body, "amount_fen", LARGEST_FEN),
        "description": text(body, "description"),
        "notify_url": url(body, "notify_url"),
        "expires_at": rfc3339(moment(body, "expires_at")),
    }


def _seen_by_merchant(order: sqlite3.Row) -> Json:
    return {**{name: order[name] for name in SEEN_BY_MERCHANT}, "currency": "CNY"}


def _end_unless_cancelled(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        logging.getLogger("uvicorn.error").critical("sending of notices ended", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)
