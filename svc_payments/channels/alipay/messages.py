"""Alipay's messages, as far as they are used. The payer and the account are not read."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from chassis.db import CHINA
from svc_payments.channels.provider import PaidAt

CURRENCY = "CNY"

_YUAN = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?")


def yuan_of(fen: int) -> str:
    """Yuan with two decimals, as Alipay writes money."""
    yuan, rest = divmod(fen, 100)
    return f"{yuan}.{rest:02}"


def _fen_of(yuan: object) -> int:
    found = _YUAN.fullmatch(yuan) if isinstance(yuan, str) else None
    if found is None:
        raise ValueError("not an amount in yuan")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _in_beijing(moment: object) -> datetime:
    if not isinstance(moment, str) or not _MOMENT.fullmatch(moment):
        raise ValueError("not a time as Alipay writes it")
    return datetime.fromisoformat(moment).replace(tzinfo=CHINA)


Number = Annotated[str, Field(pattern=r"^[0-9A-Za-z_|*@.-]{1,64}$")]
Word = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]{1,128}$")]
Fen = Annotated[int, BeforeValidator(_fen_of), Field(gt=0)]
Moment = Annotated[datetime, BeforeValidator(_in_beijing)]
PaidMoment = Annotated[PaidAt, BeforeValidator(_in_beijing)]


class Outcome(BaseModel):
    """How each answer begins: 10000, or what is wrong."""

    code: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    sub_code: Word | None = None


class Precreated(BaseModel):
    out_trade_no: Number
    qr_code: Annotated[str, Field(pattern=r"^https://[!-~]{1,512}$")]


class Trade(BaseModel):
    """An order, as answered to a query."""

    out_trade_no: Number
    trade_no: Number
    trade_status: Word
    total_amount: Fen
    trans_currency: Word = CURRENCY
    """Present only for orders in another currency."""
    send_pay_date: PaidMoment | None = None


class Closed(BaseModel):
    out_trade_no: Number | None = None


class RefundTaken(BaseModel):
    """A refund was accepted. The answer does not name it, and `refund_fee` includes earlier ones."""

    out_trade_no: Number


class RefundKnown(BaseModel):
    """A refund in the answer to a query; empty when Alipay does not have it."""

    out_request_no: Number | None = None
    refund_amount: Fen | None = None
    refund_status: Word | None = None
    gmt_refund_pay: PaidMoment | None = None


class Bill(BaseModel):
    """Where the file of a day is, for half a minute."""

    bill_download_url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,2048}$")]


class Notice(BaseModel):
    notify_id: Number
    notify_time: Moment
    app_id: Number
    seller_id: Number
    out_trade_no: Number
    trade_no: Number
    trade_status: Word
    total_amount: Fen
    trans_currency: Word = CURRENCY
    gmt_payment: PaidMoment | None = None
    gmt_refund: PaidMoment | None = None
    """When money was last refunded; only notifications of refunds have it."""
    refund_fee: Annotated[int, BeforeValidator(_fen_of)] = 0
    """The total refunded."""
    out_biz_no: Number | None = None
    """Of a notice of a refund: the refund's number."""
