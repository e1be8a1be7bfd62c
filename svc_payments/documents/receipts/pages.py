"""What the page says on which anyone verifies a receipt."""

from fastapi.responses import HTMLResponse

from kit.papers.verification import Line, verification_page
from svc_payments.amounts import in_capitals, in_digits
from svc_payments.documents.receipts import schemas
from svc_payments.documents.receipts.words import name_of, words_in


def page(
    language: str, *, typed: str = "", found: schemas.ReceiptVerification | None = None, status: int = 200
) -> HTMLResponse:
    text = words_in(language)
    if found and found.standing == "refunded":
        return verification_page(text, typed, _lines(found, text), verdict=text["verified_refunded"], mood="back")
    lines = _lines(found, text) if found else []
    return verification_page(text, typed, lines, verdict=text["verified"], status=status)


def _lines(found: schemas.ReceiptVerification, text: dict[str, str]) -> list[Line]:
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
