from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from svc_services.fields import AccountNumber, Day, Number
from svc_services.supply.arrears.models import ArrearsAction, ArrearsStatus, Explanation

_MOST_FEN = 100_000_000 * 60


class NewArrearsNotice(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    account_number: AccountNumber
    bill_numbers: Annotated[list[Number], Field(min_length=1, max_length=60)]
    """Your numbers of the bills that are not paid, as in your bill files."""
    amount_fen: Annotated[int, Field(strict=True, ge=1, le=_MOST_FEN)]
    """What they come to."""
    deadline: Day
    """The last day to pay."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.bill_numbers)) < len(self.bill_numbers):
            raise ValueError("each bill is named once")
        return self


class CutOffAnnouncement(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    cut_off_on: Day
    """The day from which supply is cut off."""


class ArrearsStep(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    action: ArrearsAction
    by_company: bool
    """False: it followed from a payment, or from a bill that the company withdrew."""
    explanation: Explanation | None
    deadline: date | None
    cut_off_on: date | None
    reconnect_by: datetime | None
    taken_at: datetime


class ArrearsNotice(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    notice_id: UUID
    provider_id: UUID
    account_number: str
    bill_numbers: list[str]
    amount_fen: int
    """What these bills come to, as the company says; never more than was due of them when the platform checked it."""
    outstanding_fen: int | None
    """What is due of them now; null for some seconds after the notice was opened."""
    being_paid: bool
    """Whether a payment of one of them is open; supply is not cut off meanwhile."""
    disputed: bool
    """Whether a complaint about one of them is not decided; supply is not cut off meanwhile."""
    deadline: date
    status: ArrearsStatus
    cut_off_on: date | None
    cut_off_at: datetime | None
    reconnect_by: datetime | None
    """When supply has to be back at the latest."""
    reconnected_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    steps: list[ArrearsStep]


class ReportedArrearsNotice(ArrearsNotice):
    cut_off_pending: bool
    """A reported cut-off waits until it is known that nothing is being paid. Do not close the valve before `status` is
    `cut_off`."""
    unknown_bills: int
    """How many of the numbers the platform does not know on this account."""
    earliest_cut_off_on: date | None
    """Before it no cut-off may be announced for; null until the platform has looked at the bills."""


class LateReconnection(BaseModel):
    """A reconnection that is over its time. Of the account it says nothing."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    notice_id: UUID
    provider_id: UUID
    kind: str
    cut_off_at: datetime
    reconnect_by: datetime
    late_hours: int
    """Whole hours since then."""
