"""An issuer of e-invoices: issues one invoice per number, and cancels it by a red-letter invoice.

Like licensed issuers, it refuses an unsigned request and an organisation that is not registered: here, one whose
organisation code ends in 0000.
"""

import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.sandboxes.base import (
    Faults,
    Json,
    Refused,
    application,
    open_state,
    parse,
    setting,
    text,
    transaction,
    whole_number,
    withhold_answer,
)
from deploy.local.sandboxes.signed_requests import as_signed, authenticate
from kit.signatures.keys import load_public_keys

NAME = "invoicing"
"""The recipient that requests to the issuer name."""
NUMBER = "[0-9a-zA-Z-]{1,40}"
LARGEST_FEN = 10_000_000_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS invoices (
    number TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    invoice_number TEXT UNIQUE,
    red_invoice_number TEXT UNIQUE,
    document TEXT UNIQUE,
    reason TEXT
);
"""
RED_LETTER = """
UPDATE invoices SET state = 'red_lettered', red_invoice_number = ? WHERE number = ? AND state = 'issued'
"""

Endpoint = Callable[[Request, bytes], Awaitable[Response]]


def create_app() -> Starlette:
    db = open_state("invoicing", SCHEMA)
    faults = Faults("lost_answers", "still_processing")
    pem = setting("MYILI_MERCHANT_PUBLIC_KEY", "the RSA key that checks the platform's requests, PEM")
    try:
        keys = load_public_keys(pem)
    except ValueError as unusable:
        raise SystemExit(f"The issuer's key is not usable: {unusable}.") from None
    url = setting("MYILI_INVOICES_URL", "the address under which the platform calls the issuer").rstrip("/")
    issuer = Issuer(db, faults, keys, url)
    return application(db, issuer.routes(), faults)


@dataclass(frozen=True)
class Issuer:
    db: sqlite3.Connection
    faults: Faults
    keys: Mapping[str, RSAPublicKey]
    url: str

    def routes(self) -> list[Route]:
        return [
            Route("/invoices", self.signed(self.issue), methods=["POST"]),
            Route("/invoices/{number}", self.signed(self.query), methods=["GET"]),
            Route("/invoices/{number}/red-letter", self.signed(self.red_letter), methods=["POST"]),
            Route("/documents/{document}", self.show, methods=["GET"], name="document"),
        ]

    def signed(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            raw = await request.body()
            await self.faults.delay_or_refuse()
            authenticate(self.keys, NAME, as_signed(self.url, request), raw)
            return await endpoint(request, raw)

        return answer

    async def issue(self, request: Request, raw: bytes) -> Response:
        body = parse(raw)
        number, reason = text(body, "number", NUMBER), _fault_of(body)
        with transaction(self.db):
            known = self._found(number)
            if known is None:
                self._keep(number, raw.decode(), reason)
            elif known["content"] != raw.decode():
                raise Refused(409, "number_reused", "This number belongs to an invoice with other content.")
        if self.faults.take("lost_answers"):
            await withhold_answer(request)
        return self._answer(request, number)

    def _keep(self, number: str, content: str, reason: str | None) -> None:
        invoice_number = None if reason else _invoice_number()
        row = (number, content, "refused" if reason else "issued", invoice_number, secrets.token_urlsafe(24), reason)
        columns = "number, content, state, invoice_number, document, reason"
        self.db.execute(f"INSERT INTO invoices ({columns}) VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - our own names

    async def query(self, request: Request, _: bytes) -> Response:
        if self.faults.take("still_processing"):
            return JSONResponse({"state": "processing"})
        return self._answer(request, request.path_params["number"])

    async def red_letter(self, request: Request, _: bytes) -> Response:
        number = request.path_params["number"]
        self.db.execute(RED_LETTER, (_invoice_number(), number))
        if self.faults.take("lost_answers"):
            await withhold_answer(request)
        return self._answer(request, number)

    async def show(self, request: Request) -> Response:
        found = self.db.execute("SELECT * FROM invoices WHERE document = ?", (request.path_params["document"],))
        invoice = found.fetchone()
        if invoice is None:
            raise Refused(404, "not_found", "There is no such document.")
        content = parse(invoice["content"].encode())
        shown = {"number": invoice["invoice_number"], "buyer": content["buyer"]["name"], "fen": content["amount_fen"]}
        lines = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in shown.items())
        return Response(
            f'<?xml version="1.0" encoding="UTF-8"?><invoice>{lines}</invoice>', media_type="application/xml"
        )

    def _found(self, number: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.db.execute("SELECT * FROM invoices WHERE number = ?", (number,)).fetchone()
        return row

    def _answer(self, request: Request, number: str) -> Response:
        invoice = self._found(number)
        if invoice is None:
            raise Refused(404, "not_found", "There is no invoice with this number.")
        content = {name: invoice[name] for name in ("state", "invoice_number", "red_invoice_number", "reason")}
        url = str(request.url_for("document", document=invoice["document"])) if invoice["invoice_number"] else None
        return JSONResponse({**content, "document_url": url})


def _fault_of(body: Json) -> str | None:
    """Check a request. Returns the reason if it can never be issued."""
    whole_number(body, "amount_fen", LARGEST_FEN)
    buyer = body.get("buyer")
    if not isinstance(buyer, dict):
        raise Refused(422, "invalid_request", "buyer must be an object.")
    text(buyer, "name")
    if text(buyer, "kind", "personal|organisation") == "personal":
        return None
    return "organisation_not_registered" if text(buyer, "uscc", "[0-9A-Z]{18}")[8:17].endswith("0000") else None


def _invoice_number() -> str:
    """Twenty digits, as fully digitised e-invoices have."""
    return f"{secrets.randbelow(10**20):020}"
