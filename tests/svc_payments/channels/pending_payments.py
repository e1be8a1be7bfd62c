"""Payments pending at the sandbox channel, inserted directly into the database, and the channel's notices of them."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.db import Database, new_id, now
from chassis.testing import PUBLIC_URL
from kit.signatures.messages import sign_request
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus
from svc_payments.collection.payments.models import Attempt, Payment, PaymentLine, PaymentStatus
from svc_payments.settings.channels import ChannelName

AMOUNT_FEN = 4140
RawNotice = tuple[bytes, dict[str, str]]


def bill_being_paid(provider_id: UUID, **more: Any) -> Bill:  # noqa: ANN401 - columns
    bill_id = new_id()
    usual = {"amount_fen": AMOUNT_FEN, "late_fee_fen": 0, "paid_fen": 0, "kind": BillKind.REGULAR}
    return Bill(
        id=bill_id,
        provider_id=provider_id,
        bill_number=f"B-{bill_id.hex}",
        account_number=f"A-{bill_id.hex}",
        period=date(2026, 9, 1),
        usage=12,
        due_date=date(2026, 10, 20),
        status=BillStatus.PAYING,
        **usual | more,
    )


def line_of(bill: Bill, amount_fen: int | None = None, late_fee_fen: int = 0) -> PaymentLine:
    whole_fen = bill.outstanding_fen + late_fee_fen
    paid_fen = amount_fen or whole_fen
    return PaymentLine(bill_id=bill.id, amount_fen=paid_fen, late_fee_fen=late_fee_fen, partial=paid_fen < whole_fen)


def payment_of(
    provider_id: UUID, lines: Sequence[PaymentLine], status: PaymentStatus = PaymentStatus.PENDING
) -> Payment:
    attempt_id = new_id()
    return Payment(
        id=new_id(),
        person_id=new_id(),
        provider_id=provider_id,
        channel=ChannelName.SANDBOX,
        amount_fen=sum(line.amount_fen for line in lines),
        status=status,
        expires_at=now() + timedelta(minutes=30),
        lines=list(lines),
        attempt=Attempt(
            id=attempt_id,
            channel=ChannelName.SANDBOX,
            order_number=attempt_id.hex,
            pay_url="https://pay.example/order",
            asked=0,
            ask_at=now() + timedelta(minutes=5),
        ),
    )


async def open_payments(database: Database, number: int) -> list[Payment]:
    """Insert pending payments of one bill each; returns them ordered by id."""
    provider_id = new_id()
    bills = [bill_being_paid(provider_id) for _ in range(number)]
    payments = [payment_of(provider_id, [line_of(bill)]) for bill in bills]
    await keep(database, bills, payments)
    return payments


async def keep(database: Database, bills: Sequence[Bill], payments: Sequence[Payment]) -> None:
    async with database.transaction() as tx:
        tx.add_all(bills)
        await tx.flush()
        tx.add_all(payments)


def notice_of(payment: Payment, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The channel's notice of a paid order."""
    assert payment.attempt is not None
    return {
        "notice_id": str(new_id()),
        "event": "payment.succeeded",
        "merchant_id": "my-ili",
        "order_number": payment.attempt.order_number,
        "transaction_id": new_id().hex,
        "amount_fen": payment.amount_fen,
        "currency": "CNY",
        "paid_at": now().isoformat(),
        **changes,
    }


def signed(key: RSAPrivateKey, notice: dict[str, Any]) -> RawNotice:
    raw = json.dumps(notice).encode()
    return raw, sign_request(key, "my-ili", "POST", f"{PUBLIC_URL}/payments/v1/channels/sandbox/notices", raw)
