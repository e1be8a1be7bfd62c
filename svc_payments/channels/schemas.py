from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, TypeAdapter

from svc_payments.channels.provider import PaidAt

Printable = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]


class ChannelEntry(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    channel: str
    methods: list[str]
    """The payment methods, the default first; empty when there is no choice."""


class ChannelList(BaseModel):
    items: list[ChannelEntry]


class Notice(BaseModel):
    """The sandbox channel's notice of a paid order, with a valid signature."""

    notice_id: Printable
    event: Literal["payment.succeeded"]
    merchant_id: Printable
    order_number: Printable
    transaction_id: Printable
    amount_fen: Annotated[StrictInt, Field(gt=0, lt=2**63)]
    currency: Printable
    paid_at: PaidAt


class RefundNotice(BaseModel):
    """The sandbox channel's notice of a finished refund."""

    notice_id: Printable
    event: Literal["refund.succeeded", "refund.closed", "refund.abnormal"]
    merchant_id: Printable
    refund_number: Printable
    refund_id: Printable
    amount_fen: Annotated[StrictInt, Field(gt=0, lt=2**63)]
    refunded_at: PaidAt | None


AnyNotice: TypeAdapter[Notice | RefundNotice] = TypeAdapter(
    Annotated[Notice | RefundNotice, Field(discriminator="event")]
)


class ContractNotice(BaseModel):
    """The sandbox channel's notice about a deduction contract, with a valid signature."""

    notice_id: Printable
    event: Literal["contract.signed", "contract.ended"]
    merchant_id: Printable
    contract_number: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    contract_id: Printable
