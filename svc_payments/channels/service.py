"""Notices of channels, found authentic: taken once, refused when they do not fit what we ordered."""

from datetime import timedelta
from typing import ClassVar

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from chassis.signatures import MAX_CLOCK_SKEW
from svc_payments.channels.alipay import notices as alipay
from svc_payments.channels.models import Nonce
from svc_payments.channels.notices import NothingNew, Notice, PaidNotice, Proof, RefundNotice
from svc_payments.channels.provider import ChannelName
from svc_payments.incidents import service as incidents
from svc_payments.incidents.models import IncidentKind
from svc_payments.payments import service as payments
from svc_payments.payments.capture import take_money
from svc_payments.payments.models import Attempt
from svc_payments.refunds import notices as refund_notices


class NonceReused(Problem):
    """A nonce that another notice came with."""

    status, code = 409, "nonce_reused"


class NoticeRefused(Problem):
    """Signed by the right key, and not about what we ordered; people are told."""

    finding: ClassVar[IncidentKind]


class NoticeOfUnknownOrder(NoticeRefused):
    status, code, finding = 404, "notice_of_unknown_order", IncidentKind.UNKNOWN_ORDER


class NoticeForOtherMerchant(NoticeRefused):
    status, code, finding = 403, "notice_for_other_merchant", IncidentKind.OTHER_MERCHANT


class NoticeOfOtherAmount(NoticeRefused):
    status, code, finding = 409, "notice_of_other_amount", IncidentKind.OTHER_AMOUNT


class NoticeOfOtherCurrency(NoticeRefused):
    status, code, finding = 409, "notice_of_other_currency", IncidentKind.OTHER_CURRENCY


class NoticeOfReusedTransaction(NoticeRefused):
    status, code, finding = 409, "notice_of_reused_transaction", IncidentKind.TRANSACTION_REUSED


class NoticeOfUnknownRefund(NoticeRefused):
    status, code, finding = 404, "notice_of_unknown_refund", IncidentKind.UNKNOWN_REFUND


class NoticeOfOtherRefund(NoticeRefused):
    status, code, finding = 409, "notice_of_other_refund", IncidentKind.REFUND_DISAGREES


_TIMESTAMPS_GOOD_FOR = {ChannelName.ALIPAY: alipay.REPEATED_FOR}
"""Of channels that repeat a notice with its first timestamp, and for how long."""
_REFUSALS = {refusal.finding: refusal for refusal in NoticeRefused.__subclasses__()}


async def take_notice(tx: AsyncSession, channel: ChannelName, notice: Notice, merchant_id: str) -> NoticeRefused | None:
    """Capture what a notice says was paid, or ask about a refund that it tells of; told again, nothing more happens.

    Returns:
        The refusal of a notice that does not fit, for the caller to raise once the finding is committed.

    Raises:
        NonceReused: the nonce came with other content before.
    """
    await remember(tx, channel, notice.proof)
    match notice:
        case PaidNotice():
            return await _take_payment(tx, channel, notice, merchant_id)
        case RefundNotice():
            finding = await refund_notices.take(tx, channel, notice, merchant_id)
            return _REFUSALS[finding]() if finding else None
        case NothingNew() if notice.merchant_id != merchant_id:
            await incidents.record(tx, IncidentKind.OTHER_MERCHANT, notice.proof.notice_id)
            return NoticeForOtherMerchant()
        case _:
            return None


async def _take_payment(
    tx: AsyncSession, channel: ChannelName, notice: PaidNotice, merchant_id: str
) -> NoticeRefused | None:
    order_number, paid, subject = notice.order_number, notice.paid, notice.proof.notice_id
    ordered = select(Attempt.payment_id).where(Attempt.channel == channel, Attempt.order_number == order_number)
    payment_id = await tx.scalar(ordered)
    if payment_id is None:
        unknown = IncidentKind.UNKNOWN_ORDER
        await incidents.record(tx, unknown, subject, order_number=order_number, amount_fen=paid.amount_fen)
        return NoticeOfUnknownOrder()
    finding = await take_money(tx, await payments.lock(tx, payment_id), paid, merchant_id, subject=subject)
    return _REFUSALS[finding]() if finding else None


async def remember(tx: AsyncSession, channel: ChannelName, proof: Proof) -> None:
    """Keep what makes a notice the same when it comes again.

    Raises:
        NonceReused: its nonce came with other content before.
    """
    row = {"channel": channel, "nonce": proof.nonce, "body_hash": proof.digest}
    if await tx.scalar(insert(Nonce).values(row).on_conflict_do_nothing().returning(Nonce.nonce)):
        return
    known = select(Nonce.body_hash).where(Nonce.channel == channel, Nonce.nonce == proof.nonce)
    if await tx.scalar(known) != proof.digest:
        raise NonceReused


async def forget_nonces(tx: AsyncSession) -> None:
    """Drop nonces so old that the timestamp they came with is refused."""
    skew = timedelta(seconds=2 * MAX_CLOCK_SKEW)
    for_long = Nonce.channel.in_(_TIMESTAMPS_GOOD_FOR)
    await tx.execute(delete(Nonce).where(~for_long, Nonce.seen_at < func.now() - skew))
    for channel, good_for in _TIMESTAMPS_GOOD_FOR.items():
        await tx.execute(delete(Nonce).where(Nonce.channel == channel, Nonce.seen_at < func.now() - good_for - skew))
