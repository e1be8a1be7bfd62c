"""Notices of UnionPay: forms signed like its other messages."""

from pydantic import ValidationError

from kit.signatures.refusals import BadSignature
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
from svc_payments.channels.unionpay import mapping, messages
from svc_payments.channels.unionpay.certificates import Signers
from svc_payments.channels.unionpay.signatures import CERTIFICATE, Fields, NotAMessage, digest, of_form
from svc_payments.channels.unionpay.times import begun_at


def read(signers: Signers, raw: bytes) -> Notice:
    """Verify and read a notice.

    Raises:
        NoticeNotAuthentic: it is not UnionPay's.
        NoticeMalformed: it is, but its content is invalid.
    """
    try:
        fields = of_form(raw)
        signers.check(fields)
    except NotAMessage:
        raise NoticeNotAuthentic(reason="headers_malformed") from None
    except BadSignature as bad:
        raise NoticeNotAuthentic(reason=bad.reason) from None
    try:
        return _notice_of(messages.Outcome.model_validate(fields), _proof(fields))
    except (ValidationError, NotUnderstood):
        raise NoticeMalformed from None


def _proof(fields: Fields) -> Proof:
    # A notice has neither timestamp nor nonce. A repeated one has the same content, perhaps with another certificate:
    # its content identifies it, and a replay has no effect.
    content_digest = digest({name: value for name, value in fields.items() if name != CERTIFICATE})
    name = content_digest.decode()
    return Proof(notice_id=name, nonce=name, digest=content_digest)


def _notice_of(message: messages.Outcome, proof: Proof) -> Notice:
    match message.txn_type:
        case mapping.PAYMENT if message.code in mapping.DONE:
            return PaidNotice(proof, _whole_number(message), mapping.of_payment(message))
        case mapping.PAYMENT:
            # Refused cards cause no notice, and would not end their order.
            return NothingNew(proof, message.merchant_id)
        case mapping.REFUND:
            return RefundNotice(proof, message.merchant_id, _whole_number(message), mapping.of_refund(message))
        case _:
            raise NotUnderstood("unknown_transaction")


def _whole_number(message: messages.About) -> str:
    """The order's number; for a foreign order with the same number, one that no order of ours has."""
    try:
        is_ours = message.txn_time == begun_at(message.number)
    except (ValueError, OverflowError):
        is_ours = False
    return message.number if is_ours else f"{message.number}/{message.txn_time}"
