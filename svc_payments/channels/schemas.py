from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictInt

from svc_payments.channels.provider import PaidAt

Printable = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]


class Notice(BaseModel):
    """What the channel tells of a paid order, once its signature has been found right."""

    notice_id: Printable
    event: Literal["payment.succeeded"]
    merchant_id: Printable
    order_number: Printable
    transaction_id: Printable
    amount_fen: Annotated[StrictInt, Field(gt=0, lt=2**63)]
    currency: Printable
    paid_at: PaidAt
