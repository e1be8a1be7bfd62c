"""What Alipay's states mean here."""

from datetime import datetime

from svc_payments.channels.alipay import messages
from svc_payments.channels.calls import NotUnderstood
from svc_payments.channels.provider import (
    Answer,
    Closed,
    Paid,
    RefundAbsent,
    RefundAnswer,
    Refunded,
    Refunding,
    RefundOrder,
    Waiting,
)

PAID = {"TRADE_SUCCESS", "TRADE_FINISHED"}
"""Paid, and paid too long ago to be refunded."""


def of_order(known: messages.Trade, seller_id: str) -> Answer:
    """The state of an order; an answer is signed for our application and does not name the merchant.

    Raises:
        NotUnderstood
    """
    match known.trade_status:
        case "WAIT_BUYER_PAY":
            return Waiting()
        case "TRADE_CLOSED" if known.send_pay_date is None:
            return Closed()
        case "TRADE_CLOSED":
            # Paid, and refunded by hand in the merchant's console: neither paid nor unpaid, so an operator decides.
            raise NotUnderstood("refunded_elsewhere")
        case status if status in PAID:
            return of_payment(known, seller_id, known.send_pay_date)
        case _:
            raise NotUnderstood("unknown_state")


def of_payment(known: messages.Trade | messages.Notice, seller_id: str, paid_at: datetime | None) -> Paid:
    """The payment of a paid order.

    Raises:
        NotUnderstood: it is paid, but the time is missing.
    """
    if paid_at is None:
        raise NotUnderstood("paid_without_proof")
    return Paid(seller_id, known.trade_no, known.total_amount, known.trans_currency, paid_at)


def of_refund(known: messages.RefundKnown, refund: RefundOrder) -> RefundAnswer:
    """The state of a refund.

    Raises:
        NotUnderstood
    """
    match known.refund_status:
        case None:
            # Not accepted, or accepted and failed: either way it is requested again under its number.
            return RefundAbsent()
        case "REFUND_PROCESSING":
            return Refunding()
        case "REFUND_SUCCESS" if known.refund_amount and known.gmt_refund_pay:
            # Alipay has no refund numbers of its own; payers find refunds under the order's.
            return Refunded(refund.transaction_id, known.refund_amount, known.gmt_refund_pay)
        case _:
            raise NotUnderstood("unknown_state")
