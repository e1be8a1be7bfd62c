"""Sample receipts, and the text of a printed PDF."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pypdf

from chassis.db import new_id
from svc_payments.documents.receipts import schemas

ISSUED = datetime(2026, 2, 28, 16, 30, tzinfo=UTC)
"""1 March in China, 28 February in UTC."""


def receipt(bills: Sequence[schemas.ReceiptedBill] = (), **fields: Any) -> schemas.Receipt:  # noqa: ANN401 - fields of a receipt
    usual: dict[str, Any] = {
        "receipt_number": "202603010000000001",
        "payment_id": new_id(),
        "status": "completed",
        "standing": "booked",
        "amount_fen": 168_032,
        "refunded_fen": 0,
        "refunds": [],
        "channel": "sandbox",
        "transaction_id": "SANDBOX-TRANSACTION-1",
        "provider_id": new_id(),
        "provider_name": "Sample Water Company",
        "provider_kind": "water",
        "bills": list(bills) or [bill("B-0001")],
        "paid_at": ISSUED,
        "issued_at": ISSUED,
        "completed_at": ISSUED,
    }
    return schemas.Receipt(**usual | fields)


def bill(number: str, **fields: Any) -> schemas.ReceiptedBill:  # noqa: ANN401 - fields of a bill
    usual: dict[str, Any] = {
        "bill_id": new_id(),
        "bill_number": number,
        "account_number": "6540000013",
        "kind": "regular",
        "period": "2026-02",
        "amount_fen": 168_032,
        "late_fee_fen": 0,
        "posting_status": "booked",
        "provider_reference": None,
        "prepaid": None,
    }
    return schemas.ReceiptedBill(**usual | fields)


def text_of(pdf: bytes) -> str:
    """All text of a PDF, with runs of whitespace as one space."""
    return " ".join(" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
