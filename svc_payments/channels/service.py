"""Notices of a channel: believed by their signature, taken once, refused when they do not fit what we ordered."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from chassis.signatures import MAX_CLOCK_SKEW, BadSignature, verify
from chassis.telemetry import log
from svc_payments.channels import schemas
from svc_payments.channels.models import Nonce
from svc_payments.channels.provider import ChannelName, Paid
from svc_payments.incidents import service as incidents
from svc_payments.incidents.models import IncidentKind
from svc_payments.payments import service as payments
from svc_payments.payments.capture import take_money
from svc_payments.payments.models import Attempt


class NoticeNotAuthentic(Problem):
    """Not signed by the channel, or not now."""

    status, code = 401, "notice_not_authentic"


class NoticeMalformed(Problem):
    status, code = 422, "notice_malformed"


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


_REFUSALS = {refusal.finding: refusal for refusal in NoticeRefused.__subclasses__()}


def authentic(keys: Mapping[str, RSAPublicKey], headers: Mapping[str, str], raw: bytes) -> schemas.Notice:
    """What a notice says, after its signature over the raw bytes was found right.

    Raises:
        NoticeNotAuthentic: the bytes are not the channel's, or not of this moment.
        NoticeMalformed: they are, and make no sense.
    """
    try:
        verify(keys, headers, raw)
    except BadSignature as bad:
        log.warning("notice_not_authentic", reason=bad.reason)
        raise NoticeNotAuthentic(reason=bad.reason) from None
    try:
        return schemas.Notice.model_validate_json(raw)
    except ValidationError:
        raise NoticeMalformed from None


async def take_notice(
    tx: AsyncSession, channel: ChannelName, notice: schemas.Notice, nonce: str, raw: bytes, merchant_id: str
) -> NoticeRefused | None:
    """Capture what an authentic notice says was paid; told again, nothing more happens.

    Returns:
        The refusal of a notice that does not fit, for the caller to raise once the finding is committed.

    Raises:
        NonceReused: the nonce came with other bytes before.
    """
    await _remember_nonce(tx, channel, nonce, raw)
    ordered = select(Attempt.payment_id).where(Attempt.channel == channel, Attempt.order_number == notice.order_number)
    payment_id = await tx.scalar(ordered)
    if payment_id is None:
        order_number, amount_fen = notice.order_number, notice.amount_fen
        unknown = IncidentKind.UNKNOWN_ORDER
        await incidents.record(tx, unknown, notice.notice_id, order_number=order_number, amount_fen=amount_fen)
        return NoticeOfUnknownOrder()
    paid = Paid(notice.merchant_id, notice.transaction_id, notice.amount_fen, notice.currency, notice.paid_at)
    finding = await take_money(tx, await payments.lock(tx, payment_id), paid, merchant_id, subject=notice.notice_id)
    return _REFUSALS[finding]() if finding else None


async def _remember_nonce(tx: AsyncSession, channel: ChannelName, nonce: str, raw: bytes) -> None:
    body_hash = hashlib.sha256(raw).digest()
    row = {"channel": channel, "nonce": nonce, "body_hash": body_hash}
    if await tx.scalar(insert(Nonce).values(row).on_conflict_do_nothing().returning(Nonce.nonce)):
        return
    known = select(Nonce.body_hash).where(Nonce.channel == channel, Nonce.nonce == nonce)
    if await tx.scalar(known) != body_hash:
        raise NonceReused


async def forget_nonces(tx: AsyncSession) -> None:
    """Drop nonces so old that the timestamp they came with is refused."""
    await tx.execute(delete(Nonce).where(Nonce.seen_at < func.now() - timedelta(seconds=2 * MAX_CLOCK_SKEW)))
