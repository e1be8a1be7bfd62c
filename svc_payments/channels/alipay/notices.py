"""Notices of Alipay: https://docs.open.alipay.com/203/105286."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import ValidationError

from chassis.db import now
from kit.signatures.refusals import MAX_CLOCK_SKEW, BadSignature
from svc_payments.channels.alipay import mapping, messages, signatures
from svc_payments.channels.calls import NotUnderstood
from svc_payments.channels.notices import (
    NothingNew,
    Notice,
    NoticeMalformed,
    NoticeNotAuthentic,
    PaidNotice,
    Proof,
    RefundNotice,
)
from svc_payments.channels.provider import Refunded
from svc_payments.settings.channels import AlipaySettings

REPEATED_FOR = timedelta(hours=25)
"""How long Alipay repeats a notification that was not answered with `success`."""
_AHEAD = timedelta(seconds=MAX_CLOCK_SKEW)

_READ = [name.encode() for name in messages.Notice.model_fields]
# The signed text does not delimit values, so a parameter could be hidden at the end of the one before it.
_HIDDEN = re.compile(rb"&(?:%b)=" % b"|".join(_READ))


def read(keys: signatures.AlipayKeys, settings: AlipaySettings, raw: bytes) -> Notice:
    """Verify and read a notice.

    Its signature is over the values as bytes, in whatever charset, so nothing is decoded before it is found right.

    Raises:
        NoticeNotAuthentic: it is not Alipay's, or not of this time.
        NoticeMalformed: it is, but its content is invalid.
    """
    try:
        parameters = signatures.parameters_of(raw)
        signatures.check_notice(keys, parameters)
        _check_whole(parameters)
        notice = _parse(parameters)
        _check_time(notice.notify_time, now())
    except BadSignature as bad:
        raise NoticeNotAuthentic(reason=bad.reason) from None
    try:
        return _notice_of(notice, settings, _proof(notice, parameters))
    except NotUnderstood:
        raise NoticeMalformed from None


def _check_whole(parameters: Mapping[bytes, bytes]) -> None:
    if any(map(_HIDDEN.search, parameters.values())):
        raise BadSignature("parameters_malformed")


def _parse(parameters: Mapping[bytes, bytes]) -> messages.Notice:
    try:
        # Everything that is read is ASCII, whatever the notice's charset.
        values = {name.decode(): parameters[name].decode("ascii") for name in _READ if name in parameters}
        return messages.Notice.model_validate(values)
    except (UnicodeDecodeError, ValidationError):
        raise NoticeMalformed from None


def _check_time(notified_at: datetime, moment: datetime) -> None:
    if not moment - REPEATED_FOR - _AHEAD <= notified_at <= moment + _AHEAD:
        raise BadSignature("clock_skew")


def _proof(notice: messages.Notice, parameters: Mapping[bytes, bytes]) -> Proof:
    # A repeated notice has the same id, with a timestamp and a signature of its own.
    content = {name: value for name, value in parameters.items() if name not in {b"sign", b"sign_type", b"notify_time"}}
    return Proof(notice.notify_id, notice.notify_id, hashlib.sha256(signatures.text_of(content)).digest())


def _notice_of(notice: messages.Notice, settings: AlipaySettings, proof: Proof) -> Notice:
    # Of one account there may be several applications: what was ordered by another one is not ours either.
    merchant_id = notice.seller_id if notice.app_id == settings.app_id else notice.app_id
    nothing_new = NothingNew(proof, merchant_id)
    if notice.gmt_refund is not None:
        # Also for a full refund, when the order is closed. One that names no refund has no effect.
        answer = Refunded(notice.trade_no, notice.refund_fee, notice.gmt_refund)
        return RefundNotice(proof, merchant_id, notice.out_biz_no, answer) if notice.out_biz_no else nothing_new
    if notice.trade_status in mapping.PAID:
        return PaidNotice(proof, notice.out_trade_no, mapping.of_payment(notice, merchant_id, notice.gmt_payment))
    if notice.trade_status in {"WAIT_BUYER_PAY", "TRADE_CLOSED"}:
        return nothing_new
    raise NotUnderstood("unknown_state")
