"""The deadline of each payment state: what operators check first and what alerts are based on."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_

from kit.invariants import InvariantBrokenError
from svc_payments.collection.payments.models import Payment, PaymentStatus

_FROM_EXPIRY = {
    # The worker frees a payment that was not confirmed, and closes an order that was not paid, at once.
    PaymentStatus.CREATED: timedelta(minutes=1),
    PaymentStatus.PENDING: timedelta(minutes=15),
    # A channel that does not answer is polled on; operators reach it by other means.
    PaymentStatus.UNKNOWN: timedelta(hours=1),
}
_FROM_CAPTURE = {
    PaymentStatus.CAPTURED: timedelta(minutes=5),
    PaymentStatus.POSTING: timedelta(hours=1),
    # Wallets are refunded within minutes; some bank cards take three days.
    PaymentStatus.REVERSING: timedelta(days=3),
}
WATCHED = (*_FROM_EXPIRY, *_FROM_CAPTURE)
"""The states that a payment may not stay in."""

OVERDUE: ColumnElement[bool] = or_(
    *(
        and_(Payment.status == status, since + allowed < func.now())
        for since, by_status in ((Payment.expires_at, _FROM_EXPIRY), (Payment.captured_at, _FROM_CAPTURE))
        for status, allowed in by_status.items()
    )
)
"""Whether a payment is past the deadline of its state. Each alternative names its state, for the index on those."""


def deadline_of(payment: Payment) -> datetime:
    """The deadline for a payment to leave its non-final state."""
    status = PaymentStatus(payment.status)
    if status in _FROM_EXPIRY:
        return payment.expires_at + _FROM_EXPIRY[status]
    if payment.captured_at is None:
        raise InvariantBrokenError("a captured payment has no time of capture")
    return payment.captured_at + _FROM_CAPTURE[status]
