from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

PAYOUT_DIGITS = 8
PayoutDigits = Annotated[str, Field(pattern=f"^[0-9]{{{PAYOUT_DIGITS}}}$")]


class PayoutCode(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    code: PayoutDigits
    """For the payer's screen. It replaces an earlier one and is good for one payout."""
    expires_at: datetime


class PayoutApproval(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    refund_number: str
    till_session_id: UUID
    amount_fen: int
    approved_by: UUID
    expires_at: datetime
    """Until then the clerk of this till session can pay the refund out."""
