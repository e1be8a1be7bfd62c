"""What a company states of paying its bills: what svc_payments proposes as its first payment terms."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, model_validator

Fen = Annotated[StrictInt, Field(ge=1, le=100_000_000)]
Hour = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Of a day in Beijing, such as 23:30."""
_MOST_AMOUNTS = 50


class BillSource(StrEnum):
    """How bills get to the platform; the names are those of payment terms."""

    PUSHED = "pushed"
    """The company sends its bills, one by one or as files."""
    INQUIRY = "inquiry"
    """The platform queries the company when a resident is about to pay."""
    TOP_UP = "top_up"
    """There are no bills: residents choose an amount."""


class AmountRule(StrEnum):
    EXACT = "exact"
    """A bill is paid in full."""
    PARTIAL = "partial"
    """A bill may be paid in parts."""
    AHEAD = "ahead"
    """A bill may be paid in parts, and an account beyond its bills."""


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class BatchHours(_Stated):
    """The nightly batch, in which the company's system answers nothing; by Beijing time."""

    begin: Hour
    end: Hour
    """It may be on the next day."""

    @model_validator(mode="after")
    def _some(self) -> "BatchHours":
        if self.begin == self.end:
            raise ValueError("begin and end must differ")
        return self


class StatedTerms(_Stated):
    bill_sources: Annotated[tuple[BillSource, ...], Field(min_length=1, max_length=len(BillSource))]
    amount_rule: AmountRule = AmountRule.EXACT
    least_fen: Fen | None = None
    """A part of a bill is at least this much; for `partial` and `ahead`, 1 yuan where it is not stated."""
    most_ahead_fen: Fen | None = None
    """As much may be paid ahead on an account; needed for `ahead`."""
    top_up_amounts_fen: Annotated[tuple[Fen, ...], Field(min_length=1, max_length=_MOST_AMOUNTS)] | None = None
    """The amounts on sale; needed for `top_up`."""
    closed_hours: BatchHours | None = None

    @model_validator(mode="after")
    def _whole(self) -> "StatedTerms":
        if len(set(self.bill_sources)) != len(self.bill_sources):
            raise ValueError("a bill source is named once")
        if (BillSource.TOP_UP in self.bill_sources) != (self.top_up_amounts_fen is not None):
            raise ValueError("top_up among the bill sources and top_up_amounts_fen go together")
        if (self.amount_rule == AmountRule.AHEAD) != (self.most_ahead_fen is not None):
            raise ValueError("the amount rule ahead and most_ahead_fen go together")
        if self.amount_rule == AmountRule.EXACT and self.least_fen is not None:
            raise ValueError("least_fen is for bills that are paid in parts")
        return self


UNSTATED = StatedTerms(bill_sources=(BillSource.PUSHED,))
"""What holds for a company that states nothing: it sends its bills, and they are paid in full."""
