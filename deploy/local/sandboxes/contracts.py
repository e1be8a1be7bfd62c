"""Deduction contracts of the payment channel: signed in the payer's wallet, then charged by the merchant's orders.

The channel charges a contract once per order number, and never more than the contract's limit for one order.
"""

import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.sandboxes.base import (
    Faults,
    Json,
    Refused,
    moment,
    only_from_this_machine,
    parse,
    rfc3339,
    text,
    transaction,
    url,
    whole_number,
    withhold_answer,
)
from deploy.local.sandboxes.notices import Notices, encode
from deploy.local.sandboxes.refunds import LARGEST_FEN, NUMBER

SEEN_BY_MERCHANT = ("contract_number", "merchant_id", "limit_fen", "state", "contract_id", "signed_at")
FAULTS = ("insufficient_funds", "slow_deductions", "deduction_timeouts", "contract_timeouts")
SCHEMA = """
CREATE TABLE IF NOT EXISTS contracts (
    contract_number TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    limit_fen INTEGER NOT NULL,
    description TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    account TEXT,
    contract_id TEXT,
    signed_at TEXT
);
CREATE TABLE IF NOT EXISTS deductions (
    order_number TEXT PRIMARY KEY REFERENCES orders,
    contract_number TEXT NOT NULL REFERENCES contracts,
    refusal TEXT
);
"""
EXPIRE = "UPDATE contracts SET state = 'ended' WHERE contract_number = ? AND state = 'waiting' AND expires_at <= ?"
SIGN = """
UPDATE contracts SET state = 'signed', account = :account, contract_id = :contract_id, signed_at = :signed_at
WHERE contract_number = :contract_number AND state = 'waiting'
"""

SignedEndpoint = Callable[[Request, bytes], Awaitable[JSONResponse]]


class Cashier(Protocol):
    """The part of the channel that its contracts use."""

    def signed(self, endpoint: SignedEndpoint) -> Callable[[Request], Awaitable[Response]]: ...
    def keep_order(self, raw: bytes) -> tuple[sqlite3.Row, bool]: ...
    def capture(self, order: sqlite3.Row, account: str) -> None: ...


@dataclass(frozen=True)
class Contracts:
    db: sqlite3.Connection
    faults: Faults
    notices: Notices
    cashier: Cashier

    def routes(self) -> list[Route]:
        signed = self.cashier.signed
        return [
            Route("/contracts", signed(self.place), methods=["POST"]),
            Route("/contracts/{contract_number}", signed(self.query), methods=["GET"]),
            Route("/contracts/{contract_number}/terminate", signed(self.terminate), methods=["POST"]),
            Route("/contracts/{contract_number}/deductions", signed(self.deduct), methods=["POST"]),
            Route("/contracts/{contract_number}/notices", self.show_notices, methods=["GET"]),
            Route("/wallet/contracts/{contract_number}", self.show, methods=["GET"]),
            Route("/wallet/contracts/{contract_number}", self.sign, methods=["POST"], name="wallet_contract"),
            Route("/wallet/contracts/{contract_number}/end", self.end, methods=["POST"]),
        ]

    async def place(self, request: Request, raw: bytes) -> JSONResponse:
        wanted = _contract_of(parse(raw))
        known = self._contract(wanted["contract_number"])
        if known and any(known[name] != value for name, value in wanted.items()):
            raise Refused(409, "contract_number_reused", "This number belongs to a contract with other content.")
        if not known:
            columns, values = ", ".join(wanted), ", ".join(f":{name}" for name in wanted)
            self.db.execute(f"INSERT INTO contracts ({columns}) VALUES ({values})", wanted)  # noqa: S608 - our own names
        if self.faults.take("contract_timeouts"):
            await withhold_answer(request)
        sign_url = str(request.url_for("wallet_contract", contract_number=wanted["contract_number"]))
        state = known["state"] if known else "waiting"
        content = {"contract_number": wanted["contract_number"], "state": state, "sign_url": sign_url}
        return JSONResponse(content, 200 if known else 201)

    async def query(self, request: Request, _: bytes) -> JSONResponse:
        contract = self._of_merchant(request, request.query_params.get("merchant_id"))
        return JSONResponse({name: contract[name] for name in SEEN_BY_MERCHANT})

    async def terminate(self, request: Request, raw: bytes) -> JSONResponse:
        contract = self._of_merchant(request, parse(raw).get("merchant_id"))
        self._end(contract["contract_number"])
        return JSONResponse({"contract_number": contract["contract_number"], "state": "ended"})

    async def deduct(self, request: Request, raw: bytes) -> JSONResponse:
        """Charge the contract for an order. Idempotent: a repeated order gets the first answer."""
        body = parse(raw)
        contract = self._of_merchant(request, body.get("merchant_id"))
        order, known = self.cashier.keep_order(raw)
        keep = "INSERT INTO deductions (order_number, contract_number) VALUES (?, ?) ON CONFLICT DO NOTHING"
        self.db.execute(keep, (order["order_number"], contract["contract_number"]))
        if not known and not self.faults.take("slow_deductions"):
            self._charge(contract, order)
        if self.faults.take("deduction_timeouts"):
            await withhold_answer(request)
        found = "SELECT state, refusal FROM deductions JOIN orders USING (order_number) WHERE order_number = ?"
        settled = self.db.execute(found, (order["order_number"],)).fetchone()
        if settled["refusal"]:
            raise Refused(422, settled["refusal"], "The contract was not charged.")
        content = {"order_number": order["order_number"], "state": settled["state"]}
        return JSONResponse(content, 200 if known else 201)

    def _charge(self, contract: sqlite3.Row, order: sqlite3.Row) -> None:
        refusal = self._refusal(contract, order)
        if refusal is None:
            self.cashier.capture(order, contract["account"])
            return
        with transaction(self.db):
            self.db.execute("UPDATE orders SET state = 'closed' WHERE order_number = ?", (order["order_number"],))
            refuse = "UPDATE deductions SET refusal = ? WHERE order_number = ?"
            self.db.execute(refuse, (refusal, order["order_number"]))

    def _refusal(self, contract: sqlite3.Row, order: sqlite3.Row) -> str | None:
        if contract["state"] != "signed":
            return "contract_not_signed"
        if order["amount_fen"] > contract["limit_fen"]:
            return "above_contract_limit"
        return "insufficient_funds" if self.faults.take("insufficient_funds") else None

    async def show(self, request: Request) -> Response:
        contract = self._known(request)
        return JSONResponse({name: contract[name] for name in ("contract_number", "description", "limit_fen", "state")})

    async def sign(self, request: Request) -> Response:
        """Sign the contract, as the payer's wallet does."""
        account, contract = text(parse(await request.body()), "account"), self._known(request)
        if contract["state"] == "ended":
            raise Refused(409, "contract_ended", "This contract was ended or not signed in time.")
        if contract["state"] == "signed" and contract["account"] != account:
            raise Refused(409, "contract_signed", "Another account has signed this contract.")
        if contract["state"] == "waiting":
            signed = {
                "contract_number": contract["contract_number"],
                "account": account,
                "contract_id": uuid.uuid4().hex,
                "signed_at": rfc3339(datetime.now(UTC)),
            }
            with transaction(self.db):
                self.db.execute(SIGN, signed)
                self._notify("contract.signed", self._known(request))
            self.notices.wake()
        contract = self._known(request)
        return JSONResponse({name: contract[name] for name in SEEN_BY_MERCHANT})

    async def end(self, request: Request) -> Response:
        """End the contract from the payer's wallet, without the merchant's consent."""
        account, contract = text(parse(await request.body()), "account"), self._known(request)
        if contract["state"] == "signed" and contract["account"] == account:
            with transaction(self.db):
                self._end(contract["contract_number"])
                self._notify("contract.ended", self._known(request))
            self.notices.wake()
        return JSONResponse({"contract_number": contract["contract_number"], "state": self._known(request)["state"]})

    async def show_notices(self, request: Request) -> Response:
        only_from_this_machine(request)
        return JSONResponse({"items": self.notices.sent(self._known(request)["contract_number"])})

    def _notify(self, event: str, contract: sqlite3.Row) -> None:
        content = {
            "notice_id": str(uuid.uuid4()),
            "event": event,
            **{name: contract[name] for name in ("merchant_id", "contract_number", "contract_id", "signed_at")},
        }
        notice = (content["notice_id"], contract["contract_number"], contract["notify_url"], encode(content))
        self.notices.add(*notice)

    def _end(self, contract_number: str) -> None:
        self.db.execute("UPDATE contracts SET state = 'ended' WHERE contract_number = ?", (contract_number,))

    def _contract(self, contract_number: str) -> sqlite3.Row | None:
        self.db.execute(EXPIRE, (contract_number, rfc3339(datetime.now(UTC))))
        found: sqlite3.Row | None
        found = self.db.execute("SELECT * FROM contracts WHERE contract_number = ?", (contract_number,)).fetchone()
        return found

    def _known(self, request: Request) -> sqlite3.Row:
        contract = self._contract(request.path_params["contract_number"])
        if contract is None:
            raise Refused(404, "unknown_contract", "There is no such contract.")
        return contract

    def _of_merchant(self, request: Request, merchant_id: object) -> sqlite3.Row:
        contract = self._known(request)
        if contract["merchant_id"] != merchant_id:
            raise Refused(404, "unknown_contract", "There is no such contract.")
        return contract


def _contract_of(body: Json) -> Json:
    return {
        "contract_number": text(body, "contract_number", NUMBER),
        "merchant_id": text(body, "merchant_id", r"[0-9A-Za-z_-]{1,64}"),
        "limit_fen": whole_number(body, "limit_fen", LARGEST_FEN),
        "description": text(body, "description"),
        "notify_url": url(body, "notify_url"),
        "expires_at": rfc3339(moment(body, "expires_at")),
    }
