"""Payments over the counter: begun and paid in front of a clerk, with no outside channel to query."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.outbox import emit
from kit.calendar import database_time
from kit.invariants import InvariantBrokenError
from svc_payments.billing.bills.models import Bill
from svc_payments.channels.provider import Paid
from svc_payments.collection.payments.capture import CURRENCY, capture
from svc_payments.collection.payments.events import PaymentPending, event_of
from svc_payments.collection.payments.models import Attempt, Payment, PaymentStatus
from svc_payments.collection.payments.service import reserve
from svc_payments.settings.channels import ChannelName


async def begin(tx: AsyncSession, payer_id: UUID, payable: Sequence[Bill], channel: ChannelName) -> Payment:
    """Reserve locked bills for a payer at the counter.

    It is not polled and does not expire: only the clerk knows whether the money has changed hands.
    """
    moment = await database_time(tx)
    payment = await reserve(tx, payer_id, payable, channel, expires_at=moment)
    payment.move_to(PaymentStatus.PENDING)
    attempt_id = new_id()
    payment.attempt = Attempt(id=attempt_id, channel=channel, order_number=attempt_id.hex, asked=0, ask_at=None)
    await emit(tx, event_of(PaymentPending, payment))
    return payment


async def capture_at_counter(tx: AsyncSession, payment: Payment, transaction_id: str, merchant_id: str) -> None:
    """Capture a locked payment: the clerk has the cash, or the card terminal's confirmation.

    Args:
        tx: the transaction.
        payment: what was paid.
        transaction_id: the number under which the counter finds it again; no other payment has had it.
        merchant_id: who we are.
    """
    paid = Paid(merchant_id, transaction_id, payment.amount_fen, CURRENCY, await database_time(tx))
    fault = await capture(tx, payment, paid, merchant_id, subject=payment.id)
    if fault is not None:
        raise InvariantBrokenError("money at a counter does not fit its payment")
