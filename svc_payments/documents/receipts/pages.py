"""The page on which anyone verifies a receipt: server-rendered, needs no script, loads nothing."""

import secrets
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from svc_payments.amounts import in_capitals, in_digits
from svc_payments.documents.receipts import schemas
from svc_payments.documents.receipts.words import name_of, words_in

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)


def page(
    language: str, *, typed: str = "", found: schemas.ReceiptVerification | None = None, status: int = 200
) -> HTMLResponse:
    """The form, and under it what a typed code says."""
    nonce = secrets.token_urlsafe(16)
    text = words_in(language)
    content = _TEMPLATES.get_template("verify.html").render(
        text=text, nonce=nonce, typed=typed, found=found, lines=_lines(found, text) if found else []
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": text["tag"],
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
            "form-action 'self'"
        ),
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    return HTMLResponse(content, status, headers)


def _lines(found: schemas.ReceiptVerification, text: dict[str, str]) -> list[tuple[str, str]]:
    lines = [
        (text["receipt_number"], found.receipt_number),
        (text["provider"], found.provider_name or ""),
        (text["kind"], text[name_of("kind", found.provider_kind or "")]),
        (text["amount"], in_digits(found.amount_fen)),
        (text["in_capitals"], in_capitals(found.amount_fen)),
        (text["paid_on"], f"{found.paid_on:%Y-%m-%d}"),
        (text["status"], text[name_of("status", found.standing)]),
    ]
    if found.refunded_fen:
        lines.append((text["refunded"], in_digits(found.refunded_fen)))
    return lines
