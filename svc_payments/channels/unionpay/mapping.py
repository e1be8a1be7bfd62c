"""What UnionPay's response codes mean here."""

from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from svc_payments.channels.calls import NotUnderstood
from svc_payments.channels.provider import (
    Answer,
    Closed,
    Paid,
    PaidAt,
    RefundAnswer,
    Refunded,
    Refunding,
    RefundRefused,
    Waiting,
)
from svc_payments.channels.unionpay import messages
from svc_payments.channels.unionpay.times import with_year

DONE = {"00", "A6"}
"""A6 means done as well, with a fault in something not requested."""
UNDER_WAY = "05"
"""Accepted and not finished; also while the payer is on the cashier's page."""
NOT_KNOWN = {"03", "04", UNDER_WAY}
"""UnionPay timed out, is unclear or has not finished: query again."""
ABSENT = "34"
REPEATED = "12"
NO_FILE = "98"
MAY_PASS = {"02", "06", "11", "37", "39"}
"""Closed, busy, rate limited, out of hours, or our signature: about this call, not about the transaction."""
PAYMENT, REFUND = "01", "04"

_CURRENCIES = {"156": "CNY"}
_POSSIBLE: TypeAdapter[datetime] = TypeAdapter(PaidAt)


def of_order(known: messages.Known, *, over: bool) -> Answer:
    """The state of an order.

    Until its time is over a payer whose card was refused may try another, so UnionPay calls every other word than
    that it is paid passing. After it they are its last, also that the payer is still there; not so when it says that
    it does not know itself.

    Raises:
        NotUnderstood
    """
    if known.code in DONE:
        return of_payment(known)
    if known.code in NOT_KNOWN - {UNDER_WAY}:
        raise NotUnderstood(f"code_{known.code}")
    return Closed() if over else Waiting()


def of_payment(known: messages.Outcome | messages.Known) -> Paid:
    """The payment of a paid order.

    Raises:
        NotUnderstood: it is paid, but the transaction, the amount or the time is missing.
    """
    currency = _CURRENCIES.get(known.currency, known.currency)
    if not known.query_id or not currency or known.amount_fen is None:
        raise NotUnderstood("paid_without_proof")
    return Paid(known.merchant_id, known.query_id, known.amount_fen, currency, _done_at(known))


def of_refund(known: messages.Outcome | messages.Known) -> RefundAnswer:
    """The state of a refund.

    Raises:
        NotUnderstood: it is done, but the number, the amount or the time is missing.
    """
    if known.code in NOT_KNOWN:
        return Refunding()
    if known.code not in DONE:
        return RefundRefused(known.code)
    if not known.query_id or known.amount_fen is None:
        raise NotUnderstood("refunded_without_proof")
    return Refunded(known.query_id, known.amount_fen, _done_at(known))


def _done_at(known: messages.Transaction) -> datetime:
    try:
        return _POSSIBLE.validate_python(with_year(known.trace_time, known.txn_time))
    except (ValidationError, ValueError):
        raise NotUnderstood("at_no_possible_time") from None
