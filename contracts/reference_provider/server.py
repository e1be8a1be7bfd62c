"""The endpoints that the platform calls, signed: verifications, deliveries, inquiries, validations, postings.

Each is for this company, at this address, once: see `platform_signature`.
"""

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.reference_provider.books import Books, Posting, PostingReused
from contracts.reference_provider.inbox import Delivery, DeliveryReused
from contracts.reference_provider.platform_keys import KeysUnavailable, PlatformKeys
from contracts.reference_provider.platform_signature import REASONS, Call, NotFromPlatform, verify
from contracts.reference_provider.sales import Sales

MAX_BODY = 64 * 1024
LARGEST_FEN = 200_000_000  # the largest bill, and a late fee as large
LONGEST_TEXT = 200
KINDS = ("regular", "advance", "top_up", "application_fee")
REASONS_TO_CANCEL = ("unanswered", "refund")
UUID_TEXT = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True)
class Company:
    """What the platform knows the company by."""

    public_url: str
    """The endpoint_url of its application. Behind a proxy this server cannot see it, so it is configured."""
    provider_id: Callable[[], str]
    """Empty until the application is approved."""


def create_app(books: Books, keys: PlatformKeys, company: Company, sales: Sales | None = None) -> Starlette:
    app = Starlette(
        routes=[
            Route("/account-verifications", verify_account, methods=["POST"]),
            Route("/deliveries", receive_delivery, methods=["POST"]),
            Route("/bill-inquiries", inquire_bills, methods=["POST"]),
            Route("/top-up-validations", validate_top_up, methods=["POST"]),
            Route("/postings", book_posting, methods=["POST"]),
            Route("/postings/{posting_id}", show_posting, methods=["GET"]),
            Route("/postings/{posting_id}/cancellations", cancel_posting, methods=["POST"]),
            Route("/books", show_books, methods=["GET"]),
            Route("/books/cards/{posting_id}", write_card, methods=["POST"]),
            Route("/livez", alive, methods=["GET"]),
        ],
        exception_handlers={HTTPException: refuse},
        max_body_size=MAX_BODY,
    )
    app.state.books, app.state.keys, app.state.company, app.state.sales = books, keys, company, sales or Sales(books)
    return app


async def verify_account(request: Request) -> Response:
    body = await content_from_platform(request)
    identifier(body, "request_id")
    result = request.app.state.books.verify_holder(text(body, "account_number"), text(body, "holder_name"))
    return JSONResponse({"result": result})


async def receive_delivery(request: Request) -> Response:
    body = await content_from_platform(request)
    details = body.get("details")
    if not isinstance(details, dict):
        raise HTTPException(422, "bad_details")
    delivery = Delivery(
        delivery_id=identifier(body, "delivery_id"),
        kind=text(body, "kind"),
        subject_id=identifier(body, "subject_id"),
        occurred_at=moment(body, "occurred_at"),
        details=details,
    )
    try:
        request.app.state.books.inbox.receive(delivery)
    except DeliveryReused:
        raise HTTPException(409, "delivery_reused") from None
    return JSONResponse({"result": "received"})


async def inquire_bills(request: Request) -> Response:
    body = await content_from_platform(request)
    identifier(body, "inquiry_id")
    return JSONResponse(request.app.state.sales.inquire(text(body, "account_number")))


async def validate_top_up(request: Request) -> Response:
    body = await content_from_platform(request)
    identifier(body, "validation_id")
    return JSONResponse(request.app.state.sales.validate(text(body, "account_number"), fen(body, "amount_fen")))


async def book_posting(request: Request) -> Response:
    body = await content_from_platform(request)
    names = ("receipt_number", "bill_number", "account_number", "currency")
    amount_fen = fen(body, "amount_fen")
    posting = Posting(
        **{name: text(body, name) for name in names},
        posting_id=identifier(body, "posting_id"),
        payment_id=identifier(body, "payment_id"),
        paid_at=moment(body, "paid_at"),
        amount_fen=amount_fen,
        kind=one_of({"kind": "regular", **body}, "kind", KINDS),
        late_fee_fen=fen(body, "late_fee_fen", least=0, most=amount_fen) if "late_fee_fen" in body else 0,
        bill_amount_fen=fen(body, "bill_amount_fen") if "bill_amount_fen" in body else None,
        application_id=identifier(body, "application_id") if "application_id" in body else None,
    )
    try:
        return JSONResponse(request.app.state.books.book(posting))
    except PostingReused:
        raise HTTPException(409, "posting_reused") from None


async def show_posting(request: Request) -> Response:
    if await body_from_platform(request):
        raise HTTPException(400, "body_not_expected")
    return JSONResponse(request.app.state.books.posting(request.path_params["posting_id"]))


async def cancel_posting(request: Request) -> Response:
    body = await content_from_platform(request)
    posting_id = request.path_params["posting_id"]
    if identifier(body, "posting_id") != posting_id:
        raise HTTPException(422, "bad_posting_id")
    return JSONResponse(request.app.state.books.cancel(posting_id, one_of(body, "reason", REASONS_TO_CANCEL)))


async def write_card(request: Request) -> Response:
    """Write a card, as the company's own terminal does."""
    if not is_from_this_machine(request):
        raise HTTPException(403, "loopback_only")
    return JSONResponse(request.app.state.books.card_written(request.path_params["posting_id"]))


async def show_books(request: Request) -> Response:
    """Show the books to the company's own staff, on its own machine."""
    if not is_from_this_machine(request):
        raise HTTPException(403, "loopback_only")
    books = request.app.state.books
    newest = {"newest": books.newest(limit=100), "deliveries": books.inbox.newest(limit=100)}
    return JSONResponse({**books.totals(), **newest})


def is_from_this_machine(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # a host that is not an address
        return False


async def alive(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def content_from_platform(request: Request) -> dict[str, Any]:
    body = parse(await body_from_platform(request))
    if request.headers.get("content-type") != "application/json":
        raise HTTPException(415, "not_json")
    if text(body, "provider_id") != request.app.state.company.provider_id():
        raise HTTPException(422, "bad_provider_id")
    return body


async def body_from_platform(request: Request) -> bytes:
    company: Company = request.app.state.company
    body = await request.body()
    call = Call(request.method, company.public_url.rstrip("/") + target(request), request.headers, body)
    try:
        signed = await verify(request.app.state.keys, company.provider_id(), call)
    except NotFromPlatform as reason:
        raise HTTPException(401, str(reason)) from None
    except KeysUnavailable:
        raise HTTPException(503, "keys_unavailable", {"Retry-After": "5"}) from None
    if not request.app.state.books.first_use(signed.nonce, signed.expires):
        raise HTTPException(401, "nonce_replayed")
    return body


def target(request: Request) -> str:
    """The path and query as they arrived: decoded and encoded again they may be others."""
    path, query = request.scope["raw_path"], request.scope["query_string"]
    arrived: bytes = path + b"?" + query if query else path
    return arrived.decode("latin-1")


def parse(raw: bytes) -> dict[str, Any]:
    """An object of RFC 8259 in which nothing stands twice: of two values, two readers may take different ones."""
    try:
        body = json.loads(raw.decode("utf-8"), object_pairs_hook=members, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise HTTPException(400, "malformed_json") from None
    if not isinstance(body, dict):
        raise HTTPException(422, "not_an_object")
    return body


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise HTTPException(400, "duplicate_member")
    return dict(pairs)


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


def text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or not value.isprintable():
        raise HTTPException(422, f"bad_{name}")
    return value


def identifier(body: dict[str, Any], name: str) -> str:
    value = text(body, name)
    if not UUID_TEXT.fullmatch(value):
        raise HTTPException(422, f"bad_{name}")
    return value


def moment(body: dict[str, Any], name: str) -> str:
    """A time of RFC 3339, as it was written."""
    value = text(body, name)
    try:
        # A bare day is Python's too, without a time zone, and a week; RFC 3339 has one form.
        known = RFC_3339.fullmatch(value) is not None and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        raise HTTPException(422, f"bad_{name}")
    return value


def one_of(body: dict[str, Any], name: str, values: tuple[str, ...]) -> str:
    value = body.get(name)
    if value not in values:
        raise HTTPException(422, f"bad_{name}")
    return str(value)


def fen(body: dict[str, Any], name: str, *, least: int = 1, most: int = LARGEST_FEN) -> int:
    value = body.get(name)
    if type(value) is not int or not least <= value <= most:  # neither 41.40 nor true is a whole number
        raise HTTPException(422, f"bad_{name}")
    return value


async def refuse(_: Request, error: Exception) -> Response:
    """Answer with RFC 9457 problem details, as the platform does."""
    error = cast("HTTPException", error)  # registered for this class alone
    content = {"type": "about:blank", "status": error.status_code, "code": error.detail}
    if error.detail in REASONS:
        content["detail"] = REASONS[error.detail]
    return JSONResponse(content, error.status_code, error.headers, "application/problem+json")
