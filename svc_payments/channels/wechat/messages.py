"""WeChat Pay's messages, as far as they are used. The payer and the bank are not read."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictInt

from svc_payments.channels.provider import PaidAt
from svc_payments.channels.wechat.signatures import Encrypted

Number = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
Fen = Annotated[StrictInt, Field(gt=0, lt=2**63)]
Moment = PaidAt | Literal[""]


class Refusal(BaseModel):
    code: Annotated[str, Field(pattern=r"^[A-Z_]{1,64}$")] = ""


class Native(BaseModel):
    code_url: Annotated[str, Field(pattern=r"^weixin://[!-~]{1,512}$")]


class H5(BaseModel):
    h5_url: Annotated[str, Field(pattern=r"^https://[!-~]{1,512}$")]


class Prepaid(BaseModel):
    prepay_id: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]


class OrderAmount(BaseModel):
    total: Fen
    currency: Number


class Transaction(BaseModel):
    """An order, in the answer to a query and in a notice."""

    mchid: Number
    out_trade_no: Number
    trade_state: Number
    transaction_id: Annotated[str, Field(pattern=r"^[!-~]{0,64}$")] = ""
    success_time: Moment = ""
    amount: OrderAmount | None = None


class RefundAmount(BaseModel):
    refund: Fen


class Refund(BaseModel):
    """A refund, as answered."""

    out_refund_no: Number
    refund_id: Number
    status: Number
    success_time: Moment = ""
    amount: RefundAmount


class RefundNotice(BaseModel):
    """A refund, in a notice."""

    mchid: Number
    out_refund_no: Number
    refund_id: Number
    refund_status: Number
    success_time: Moment = ""
    amount: RefundAmount


class Notice(BaseModel):
    id: Number
    event_type: Number
    resource: Encrypted


class Bill(BaseModel):
    """Where the file of a day is, and what it hashes to when it is unfolded."""

    hash_type: Literal["SHA1"]
    hash_value: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{40}$")]
    download_url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,2048}$")]
