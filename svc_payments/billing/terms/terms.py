"""What a provider and the platform have agreed on paying its bills: one document, of which a version never changes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, WithJsonSchema, model_validator

from chassis.db import CHINA
from chassis.text import Line
from svc_payments.settings.channels import ChannelName

LARGEST_FEN = 100_000_000
"""The largest bill there may be, 1,000,000 yuan."""
WHOLE = 10_000
"""Basis points, and ten-thousandths, in a whole."""
_MONTH_SECONDS = 30 * 86_400

Fen = Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)]
Hour = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Of a day in Beijing, such as 23:30; strings of this form compare like the times they name."""


class BillSource(StrEnum):
    PUSHED = "pushed"
    """The provider sends its bills."""
    INQUIRY = "inquiry"
    """The provider is queried when a resident is about to pay."""
    TOP_UP = "top_up"
    """There are no bills: residents choose an amount, which the provider validates."""


class Rounding(StrEnum):
    HALF_UP = "half_up"
    DOWN = "down"
    UP = "up"


class BorneBy(StrEnum):
    PROVIDER = "provider"
    PLATFORM = "platform"


class TopUpAccounts(StrEnum):
    BOUND = "bound"
    """A resident tops up accounts bound to them."""
    ANY = "any"
    """A resident tops up any account, as one does the phone of one's parents."""


def _open(values: type[StrEnum]) -> WithJsonSchema:
    """In answers these are plain strings: clients expect values that are added later."""
    known = ", ".join(value.value for value in values)
    return WithJsonSchema({"type": "string", "description": f"{known}; expect further values within v1."})


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class LateFee(_Document):
    """For each day after the due date and the days of grace, a share of what was unpaid; never more than the cap."""

    daily_ten_thousandths: Annotated[StrictInt, Field(ge=1, le=100)]
    """5 is 0.05 % a day."""
    grace_days: Annotated[StrictInt, Field(ge=0, le=365)] = 0
    """Days after the due date that bear no fee."""
    most_basis_points: Annotated[StrictInt, Field(ge=1, le=WHOLE)] = WHOLE
    """The cap, as a share of what was unpaid; 10000 is as much again."""
    rounding: Annotated[Rounding, _open(Rounding)] = Rounding.HALF_UP
    """To whole fen."""
    source: Annotated[Line, Field(max_length=200)] | None = None
    """The source of the rule, such as a clause of the supply contract."""


class PartialPayment(_Document):
    least_fen: Fen = 100
    """A payment that leaves something of a bill unpaid is at least this much."""


class AdvancePayment(_Document):
    most_fen: Fen
    """As much may be paid ahead on an account between two of its bills."""


class TopUp(_Document):
    """The amounts on sale: a list of them, or a range in steps."""

    amounts_fen: Annotated[tuple[Fen, ...], Field(min_length=1, max_length=50)] | None = None
    least_fen: Fen | None = None
    most_fen: Fen | None = None
    step_fen: Fen = 100
    accounts: Annotated[TopUpAccounts, _open(TopUpAccounts)] = TopUpAccounts.BOUND
    """The accounts that a resident may top up."""

    @model_validator(mode="after")
    def _list_or_range(self) -> "TopUp":
        listed, ranged = self.amounts_fen is not None, (self.least_fen is not None, self.most_fen is not None)
        if listed == any(ranged) or any(ranged) != all(ranged):
            raise ValueError("top-ups are sold in listed amounts, or from a least to a most")
        if self.least_fen and self.most_fen and self.least_fen > self.most_fen:
            raise ValueError("the least must not be above the most")
        return self

    @property
    def largest_fen(self) -> int:
        return max(self.amounts_fen or (self.most_fen or 0,))

    def sells(self, amount_fen: int) -> bool:
        if self.amounts_fen is not None:
            return amount_fen in self.amounts_fen
        least, most = self.least_fen or 0, self.most_fen or 0
        return least <= amount_fen <= most and (amount_fen - least) % self.step_fen == 0


class Fee(_Document):
    """What a payment over a channel costs, for settlement; rounded half up to whole fen."""

    basis_points: Annotated[StrictInt, Field(ge=0, le=1_000)] = 0
    fixed_fen: Annotated[StrictInt, Field(ge=0, le=10_000)] = 0
    borne_by: Annotated[BorneBy, _open(BorneBy)] = BorneBy.PROVIDER

    def of(self, amount_fen: int) -> int:
        return (amount_fen * self.basis_points + WHOLE // 2) // WHOLE + self.fixed_fen


class ChannelLimits(_Document):
    channel: Annotated[ChannelName, _open(ChannelName)]
    least_fen: Fen = 1
    most_fen: Fen = LARGEST_FEN
    """Of one payment."""

    @model_validator(mode="after")
    def _in_order(self) -> "ChannelLimits":
        if self.least_fen > self.most_fen:
            raise ValueError("the least must not be above the most")
        return self


class ChannelTerms(ChannelLimits):
    fee: Fee | None = None


class ClosedHours(_Document):
    """When the provider's billing system runs its batch and answers nothing, by Beijing time."""

    begin: Hour
    end: Hour
    """It may be on the next day."""

    def reopens_at(self, moment: datetime) -> datetime | None:
        """When it answers again; None when it does so now."""
        local = moment.astimezone(CHINA)
        at, over_midnight = f"{local:%H:%M}", self.begin > self.end
        closed = at >= self.begin or at < self.end if over_midnight else self.begin <= at < self.end
        if not closed:
            return None
        hour, minute = map(int, self.end.split(":"))
        end = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return end if at < self.end else end + timedelta(days=1)


class PublicTerms(_Document):
    """What residents need to know. The defaults are the rules for providers without terms."""

    bill_sources: Annotated[
        tuple[Annotated[BillSource, _open(BillSource)], ...], Field(min_length=1, max_length=len(BillSource))
    ] = (BillSource.PUSHED,)
    late_fee: LateFee | None = None
    partial_payment: PartialPayment | None = None
    """null: a bill is paid in full."""
    advance_payment: AdvancePayment | None = None
    """null: no advance payments."""
    oldest_first: bool = False
    """Whether an older due bill of the account has to be paid before or along with a younger one."""
    channels: Annotated[tuple[ChannelLimits, ...], Field(min_length=1, max_length=len(ChannelName))] | None = None
    """null: every channel the platform has, without limits."""
    top_up: TopUp | None = None
    closed_hours: ClosedHours | None = None


class Terms(PublicTerms):
    """All that was agreed."""

    channels: Annotated[tuple[ChannelTerms, ...], Field(min_length=1, max_length=len(ChannelName))] | None = None
    """null: every channel the platform has, without limits or fees."""
    posting_limit_seconds: Annotated[StrictInt, Field(ge=60, le=_MONTH_SECONDS)] = 86_400
    """How long the provider may leave a posting unanswered before the payer is refunded."""

    @model_validator(mode="after")
    def _whole(self) -> "Terms":
        if (BillSource.TOP_UP in self.bill_sources) != (self.top_up is not None):
            raise ValueError("top_up among the bill sources and the terms of top-ups go together")
        channels = [each.channel for each in self.channels or ()]
        if len(channels) != len(set(channels)):
            raise ValueError("a channel is named once")
        return self

    def limits(self, channel: ChannelName) -> ChannelTerms | None:
        """What holds for payments over a channel; None when the provider does not take it."""
        if self.channels is None:
            return ChannelTerms(channel=channel)
        return next((each for each in self.channels if each.channel == channel), None)

    def usable(self, available: Sequence[ChannelName]) -> list[ChannelTerms]:
        """Those of the available channels that the provider takes."""
        return [limits for channel in available if (limits := self.limits(channel))]


NONE_AGREED = Terms()
"""What holds for a provider without terms: its bills as it sends them, in full, over every channel."""
