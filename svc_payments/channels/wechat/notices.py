"""Notices of WeChat Pay: https://pay.weixin.qq.com/doc/v3/merchant/4012791861."""

import hashlib
from collections.abc import Mapping

from pydantic import ValidationError

from chassis.telemetry import log
from kit.signatures.refusals import BadSignature
from svc_payments.channels.calls import NotUnderstood
from svc_payments.channels.notices import (
    Notice,
    NoticeMalformed,
    NoticeNotAuthentic,
    PaidNotice,
    Proof,
    RefundNotice,
)
from svc_payments.channels.wechat import mapping, messages
from svc_payments.channels.wechat.keys import PlatformKeys
from svc_payments.channels.wechat.signatures import NotOpened, Signed
from svc_payments.settings.channels import WechatSettings


async def read(keys: PlatformKeys, settings: WechatSettings, headers: Mapping[str, str], raw: bytes) -> Notice:
    """Verify and read a notice. Its signature covers the raw bytes, so they are parsed only once it is verified.

    Raises:
        NoticeNotAuthentic: the bytes are not WeChat Pay's, or not of this moment.
        NoticeMalformed: they are, but their content is invalid.
    """
    try:
        signed = Signed.of(headers)
        await keys.check(signed, raw)
    except BadSignature as bad:
        raise NoticeNotAuthentic(reason=bad.reason) from None
    try:
        notice = messages.Notice.model_validate_json(raw)
        opened = notice.resource.open(settings.api_key.get_secret_value().encode())
        proof = Proof(notice.id, signed.nonce, hashlib.sha256(raw).digest())
        return _notice_of(notice.event_type, opened, proof)
    except NotOpened:
        # Signed by WeChat Pay and not for our key: ours is wrong, or the notice is for another merchant.
        log.error("notice_not_opened", channel="wechat")
        raise NoticeMalformed from None
    except (ValidationError, NotUnderstood):
        raise NoticeMalformed from None


def _notice_of(event_type: str, opened: bytes, proof: Proof) -> Notice:
    if event_type == "TRANSACTION.SUCCESS":
        transaction = messages.Transaction.model_validate_json(opened)
        if transaction.trade_state != "SUCCESS":
            raise NotUnderstood("unknown_state")
        return PaidNotice(proof, transaction.out_trade_no, mapping.of_payment(transaction))
    if event_type.startswith("REFUND."):
        refund = messages.RefundNotice.model_validate_json(opened)
        answer = mapping.of_refund(refund.refund_status, refund)
        return RefundNotice(proof, refund.mchid, refund.out_refund_no, answer)
    raise NotUnderstood("unknown_event")
