"""A receipt as a paper: what the template shows, in Chinese and, beside it, in the reader's language."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chassis.db import CHINA
from kit import papers
from kit.papers import codes, qr
from svc_payments.amounts import in_capitals, in_digits
from svc_payments.collection.payments.schemas import Prepaid
from svc_payments.documents.receipts import schemas
from svc_payments.documents.receipts.words import bilingual, name_of

_TEMPLATE = Path(__file__).parent / "templates" / "receipt.typ"
_TOGETHER = _TEMPLATE.with_name("combined.typ")
_ACCOUNT_DIGITS_SHOWN = 4
_LABELS = (
    "product",
    "title",
    "not_an_invoice",
    "receipt_number",
    "status",
    "provider",
    "kind",
    "account_number",
    "paid_at",
    "beijing_time",
    "channel",
    "transaction_id",
    "bill_number",
    "period",
    "late_fee",
    "amount",
    "posting",
    "total",
    "in_capitals",
    "refund_number",
    "refunded_at",
    "refunded",
    "kept",
    "verification_code",
    "how_to_verify",
)
"""The template's own labels."""
_MONEY_BACK = {"reversing", "partly_refunded", "refunded"}


async def printed(receipt: schemas.Receipt, code: str, verify_at: str, language: str) -> bytes:
    """The receipt as PDF; the same bytes until the payment changes."""
    return await papers.pdf(_TEMPLATE, _shown(receipt, code, verify_at, language), issued_at=receipt.issued_at)


async def printed_together(receipts: Sequence[tuple[schemas.Receipt, str]], verify_at: str, language: str) -> bytes:
    """Several receipts with their codes on one paper, in the order of payment."""
    ordered = sorted(receipts, key=lambda each: (each[0].paid_at, each[0].receipt_number))
    amount_fen = sum(receipt.amount_fen for receipt, _ in ordered)
    refunded_fen = sum(receipt.refunded_fen for receipt, _ in ordered)
    data = {
        "words": {label: bilingual(label, language) for label in _LABELS},
        "number": f"{ordered[0][0].receipt_number} +{len(ordered) - 1}",
        "receipts": [_shown(receipt, code, verify_at, language) for receipt, code in ordered],
        "amount": in_digits(amount_fen),
        "amount_in_capitals": in_capitals(amount_fen),
        "refunded": in_digits(refunded_fen) if refunded_fen else "",
        "kept": in_digits(amount_fen - refunded_fen),
        "verify_at": verify_at,
    }
    return await papers.pdf(_TOGETHER, data, issued_at=max(receipt.issued_at for receipt, _ in ordered))


def masked(account_number: str) -> str:
    """Masked: enough for its owner to recognise it, too little for others to look it up."""
    hidden = max(len(account_number) - _ACCOUNT_DIGITS_SHOWN, 0)
    return "*" * hidden + account_number[hidden:]


def in_fours(token: str) -> str:
    """Digits as one reads them while keying them in."""
    return " ".join(re.findall(".{1,4}", token)) if token.isdecimal() else token


def _named(group: str, value: str, language: str) -> dict[str, str]:
    return bilingual(name_of(group, value), language)


def _shown(receipt: schemas.Receipt, code: str, verify_at: str, language: str) -> dict[str, Any]:
    link = f"{verify_at}?code={codes.shown(code)}"
    return {
        "words": {label: bilingual(label, language) for label in _LABELS},
        "receipt_number": receipt.receipt_number,
        "status": _named("status", receipt.standing, language),
        "money_back": receipt.standing in _MONEY_BACK,
        "provider_name": receipt.provider_name or "",
        "kind": _named("kind", receipt.provider_kind or "", language),
        "account_numbers": sorted({masked(bill.account_number) for bill in receipt.bills}),
        "paid_at": f"{receipt.paid_at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
        "channel": _named("channel", receipt.channel, language),
        "transaction_id": receipt.transaction_id,
        "bills": [_bill(bill, language) for bill in receipt.bills],
        "prepaid": [_prepaid(bill.prepaid, language) for bill in receipt.bills if bill.prepaid],
        "amount": in_digits(receipt.amount_fen),
        "amount_in_capitals": in_capitals(receipt.amount_fen),
        "refunds": [_refund(refund) for refund in receipt.refunds],
        "refunded": in_digits(receipt.refunded_fen) if receipt.refunded_fen else "",
        "kept": in_digits(receipt.amount_fen - receipt.refunded_fen),
        "code": codes.shown(code),
        "verify_at": verify_at,
        "verify_link": link,
        "qr": qr.drawn(link),
    }


def _bill(bill: schemas.ReceiptedBill, language: str) -> dict[str, Any]:
    return {
        "bill_number": bill.bill_number,
        "period": bill.period,
        "late_fee": in_digits(bill.late_fee_fen) if bill.late_fee_fen else "",
        "amount": in_digits(bill.amount_fen),
        "posting": _named("posting", bill.posting_status, language),
    }


def _prepaid(prepaid: Prepaid, language: str) -> dict[str, Any]:
    return {
        "what": _named("prepaid", prepaid.kind, language),
        "token": in_fours(prepaid.token or ""),
        "state": _named("card", prepaid.state, language) if prepaid.state else None,
    }


def _refund(refund: schemas.ReceiptedRefund) -> dict[str, Any]:
    return {
        "number": refund.number,
        "at": f"{refund.refunded_at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
        "amount": in_digits(refund.amount_fen),
    }
