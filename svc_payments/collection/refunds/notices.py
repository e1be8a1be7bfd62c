"""Refund notices: a reason to query the channel at once."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import database_time
from svc_payments.channels.notices import RefundNotice
from svc_payments.channels.provider import Refunded
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds.models import AT_CHANNEL, Refund, RefundStatus
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind
from svc_payments.settings.channels import ChannelName

_NOT_GONE = {RefundStatus.FAILED, RefundStatus.RETRIED}
"""The channel reported earlier that these were not refunded."""


async def take(tx: AsyncSession, channel: ChannelName, notice: RefundNotice, merchant_id: str) -> IncidentKind | None:
    """Query the refund of a notice at once; notices arrive late, twice and in any order.

    Returns:
        What does not agree, which is recorded.
    """
    subject, number = notice.proof.notice_id, notice.refund_number
    if notice.merchant_id != merchant_id:
        await incidents.record(tx, IncidentKind.OTHER_MERCHANT, subject, refund_number=number)
        return IncidentKind.OTHER_MERCHANT
    query = select(Refund).join(Payment).where(Payment.channel == channel, Refund.number == number)
    refund = (await tx.scalars(query.with_for_update(of=Refund))).one_or_none()
    if refund is None:
        await incidents.record(tx, IncidentKind.UNKNOWN_REFUND, subject, refund_number=number)
        return IncidentKind.UNKNOWN_REFUND
    if refund.status in _NOT_GONE and isinstance(notice.answer, Refunded):
        # Staff may have refunded it another way by now: it would be refunded twice.
        await incidents.record(tx, IncidentKind.REFUND_DISAGREES, refund.id, said_fen=notice.answer.amount_fen)
        return IncidentKind.REFUND_DISAGREES
    if refund.status in AT_CHANNEL and refund.ask_at is not None:
        refund.ask_at = min(refund.ask_at, await database_time(tx))
    return None
