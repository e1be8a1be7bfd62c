from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from svc_payments.collection.mandates import models
from svc_payments.parties.providers.account_numbers import AccountNumber
from svc_payments.settings.channels import ChannelName

LARGEST_LIMIT_FEN = 100_000_000

Limit = Annotated[int, Field(strict=True, gt=0, le=LARGEST_LIMIT_FEN)]


class NewMandate(BaseModel):
    provider_id: UUID
    account_number: AccountNumber
    channel: ChannelName
    limit_fen: Limit = Field(description="The limit of one bill; a larger bill is left to the person.")
    monthly_limit_fen: Limit | None = Field(
        default=None, description="The limit of all deductions in a calendar month."
    )
    notice_days: Annotated[int, Field(strict=True, ge=1, le=15)] = Field(
        default=3, description="Days between the announcement and the deduction."
    )

    @model_validator(mode="after")
    def _limits_fit(self) -> "NewMandate":
        if self.monthly_limit_fen is not None and self.monthly_limit_fen < self.limit_fen:
            raise ValueError("the limit of a month must not be below the limit of a bill")
        return self


class Mandate(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    mandate_id: UUID
    provider_id: UUID
    account_number: str
    channel: str
    limit_fen: int
    monthly_limit_fen: int | None
    notice_days: int
    status: str
    """requested, active, suspended, expired or cancelled; expect further values within v1."""
    end_reason: str | None
    """Why it was cancelled: person, binding_ended or channel; expect further values within v1."""
    sign_url: str | None
    """Where the person signs, once the channel has answered."""
    sign_by: datetime
    created_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None


class Debit(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    debit_id: UUID
    bill_id: UUID
    payment_id: UUID | None
    status: str
    """announced, ordered, paid, over_limit, withdrawn, unneeded or failed; expect further values within v1."""
    amount_fen: int
    debit_on: date
    """The day of the deduction, in China."""
    tries: int
    """How many times the channel has refused to deduct."""
    reason: str | None


def shown(mandate: models.Mandate) -> Mandate:
    return Mandate(
        mandate_id=mandate.id,
        provider_id=mandate.provider_id,
        account_number=mandate.account_number,
        channel=mandate.channel,
        limit_fen=mandate.limit_fen,
        monthly_limit_fen=mandate.monthly_limit_fen,
        notice_days=mandate.notice_days,
        status=mandate.status,
        end_reason=mandate.end_reason,
        sign_url=mandate.sign_url if mandate.status == models.MandateStatus.REQUESTED else None,
        sign_by=mandate.sign_by,
        created_at=mandate.created_at,
        activated_at=mandate.activated_at,
        ended_at=mandate.ended_at,
    )


def shown_debit(debit: models.Debit) -> Debit:
    return Debit(
        debit_id=debit.id,
        bill_id=debit.bill_id,
        payment_id=debit.payment_id,
        status=debit.status,
        amount_fen=debit.amount_fen,
        debit_on=debit.debit_on,
        tries=debit.tries,
        reason=debit.reason,
    )
