"""What WeChat Pay's states mean here."""

from svc_payments.channels.calls import NotUnderstood
from svc_payments.channels.provider import (
    Answer,
    Closed,
    Paid,
    RefundAbnormal,
    RefundAnswer,
    Refunded,
    Refunding,
    RefundRefused,
    Waiting,
)
from svc_payments.channels.wechat import messages


def of_order(known: messages.Transaction) -> Answer:
    """The state of an order.

    Raises:
        NotUnderstood
    """
    match known.trade_state:
        case "SUCCESS":
            return of_payment(known)
        case "NOTPAY" | "USERPAYING" | "ACCEPT" | "PAYERROR":
            return Waiting()
        case "CLOSED" | "REVOKED" if not known.transaction_id:
            return Closed()
        case "CLOSED" | "REVOKED" | "REFUND":
            # Paid, and refunded by hand in the merchant's console: neither paid nor unpaid, so an operator decides.
            raise NotUnderstood("refunded_elsewhere")
        case _:
            raise NotUnderstood("unknown_state")


def of_payment(known: messages.Transaction) -> Paid:
    """The payment of a paid order.

    Raises:
        NotUnderstood: it is paid, but the transaction or the time is missing.
    """
    if not known.transaction_id or not known.success_time or known.amount is None:
        raise NotUnderstood("paid_without_proof")
    amount = known.amount
    return Paid(known.mchid, known.transaction_id, amount.total, amount.currency, known.success_time)


def of_refund(status: str, known: messages.Refund | messages.RefundNotice) -> RefundAnswer:
    """The state of a refund.

    Raises:
        NotUnderstood
    """
    match status:
        case "SUCCESS" if known.success_time:
            return Refunded(known.refund_id, known.amount.refund, known.success_time)
        case "PROCESSING":
            return Refunding()
        case "CLOSED":
            return RefundRefused(status)
        case "ABNORMAL":
            # The payer's card is closed or frozen; the merchant refunds to another one in the console.
            return RefundAbnormal(status)
        case _:
            raise NotUnderstood("unknown_state")
