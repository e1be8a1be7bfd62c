"""Payments that are under way, from the events of svc_payments: an account is not closed over them."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_identity.privacy.closures.models import OpenPayment

_SETTLED = {"completed", "refunded", "failed", "expired"}
_EVENTS = (
    *("created", "pending", "unknown", "captured", "posting_refused", "posting_unanswered", "reversing"),
    *("refunded", "completed", "failed", "expired"),
)


class PaymentChanged(EventData):
    payment_id: UUID
    person_id: UUID
    status: str


async def _follow(tx: AsyncSession, event: Received[PaymentChanged]) -> None:
    payment = event.data
    if payment.status in _SETTLED:
        await tx.execute(delete(OpenPayment).where(OpenPayment.payment_id == payment.payment_id))
        return
    kept = insert(OpenPayment).values(payment.model_dump())
    await tx.execute(
        kept.on_conflict_do_update(index_elements=[OpenPayment.payment_id], set_={"status": payment.status})
    )


HANDLERS: list[AnyHandler] = [
    Handler(f"cn.ili.payments.payment.{change}.v1", PaymentChanged, _follow) for change in _EVENTS
]
