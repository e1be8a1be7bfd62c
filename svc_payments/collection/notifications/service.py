"""Authentic notices of channels: applied once, refused when they do not match our order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from sqlalchemy import LargeBinary, Text, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from kit.signatures.refusals import MAX_CLOCK_SKEW
from svc_payments.base import given, given_table, table_of
from svc_payments.channels.alipay import notices as alipay
from svc_payments.channels.notices import NothingNew, Notice, PaidNotice, Proof, RefundNotice
from svc_payments.collection.notifications.models import Nonce
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.capture import CaptureCandidate, capture, capture_expected
from svc_payments.collection.payments.models import Attempt
from svc_payments.collection.payments.open_payments import lock_free_of_orders
from svc_payments.collection.refunds import notices as refund_notices
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind
from svc_payments.settings.channels import ChannelName


class NonceReused(Problem):
    """A nonce that another notice came with."""

    status, code = 409, "nonce_reused"


class NoticeRefused(Problem):
    """Authentic, but it does not match our order; an incident is recorded."""

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
"""How long channels repeat a notice with its first timestamp."""
_REFUSALS = {refusal.finding: refusal for refusal in NoticeRefused.__subclasses__()}


async def take_notice(tx: AsyncSession, channel: ChannelName, notice: Notice, merchant_id: str) -> NoticeRefused | None:
    """Capture the payment of a notice, or query its refund. Idempotent: a repeated notice has no effect.

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
    finding = await capture(tx, await payments.lock(tx, payment_id), paid, merchant_id, subject=subject)
    return _REFUSALS[finding]() if finding else None


@dataclass(frozen=True, eq=False)
class ReceivedNotice:
    """A payment notice with what a batch needs of its request."""

    channel: ChannelName
    notice: PaidNotice
    merchant_id: str
    trace: str | None
    """The traceparent of its request."""


async def capture_batch(tx: AsyncSession, group: Sequence[ReceivedNotice]) -> Collection[ReceivedNotice]:
    """Capture a batch of payment notices at once.

    Returns:
        The captured ones. Of the others only the nonces are kept: each goes to `take_notice` as a repeated one.
    """
    # One per order: a second notice of an order is handled like a repeated one, whatever it says.
    fresh = await _remember_all(tx, group)
    by_order = {(received.channel, received.notice.order_number): received for received in reversed(fresh)}
    candidates = {}
    for payment in await lock_free_of_orders(tx, [order_number for _, order_number in by_order]):
        if received := by_order.get((ChannelName(payment.channel), payment.order_number)):
            candidates[CaptureCandidate(payment, received.notice.paid, received.merchant_id, received.trace)] = received
    return {candidates[candidate] for candidate in await capture_expected(tx, list(candidates))} if candidates else ()


_NONCES = given_table({"channel": Text(), "nonce": Text(), "body_hash": LargeBinary()})
_REMEMBER = (
    insert(table_of(Nonce))
    .from_select(_NONCES.c.keys(), select(_NONCES))
    .on_conflict_do_nothing()
    .returning(Nonce.channel, Nonce.nonce)
)


async def _remember_all(tx: AsyncSession, group: Sequence[ReceivedNotice]) -> Sequence[ReceivedNotice]:
    """Keep the nonces of a batch. Returns the notices whose nonce was new, in the order of the batch."""
    # Sorted, so that two batches of the same notices cannot deadlock.
    by_nonce = {(received.channel, received.notice.proof.nonce): received for received in reversed(group)}
    names = sorted(by_nonce)
    digests = [by_nonce[name].notice.proof.digest for name in names]
    channels, nonces = ([name[part] for name in names] for part in (0, 1))
    kept = await tx.execute(_REMEMBER, given(channel=channels, nonce=nonces, body_hash=digests))
    new = {by_nonce[ChannelName(channel), nonce] for channel, nonce in kept}
    return [received for received in group if received in new]


async def remember(tx: AsyncSession, channel: ChannelName, proof: Proof) -> None:
    """Keep the nonce that identifies a repeated notice.

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
