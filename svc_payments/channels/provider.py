"""Payment channels, which collect residents' money: requests and answers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Protocol, runtime_checkable

from pydantic import AfterValidator, AwareDatetime, Field

from chassis.http_client import NoAnswer
from kit.signatures.refusals import MAX_CLOCK_SKEW
from svc_payments.settings.channels import ChannelName

DESCRIPTION = "我的伊犁 生活缴费"
"""What payers see in their wallets; nothing personal."""
EARLIEST_PAYMENT = datetime(2020, 1, 1, tzinfo=UTC)
LATEST_PAYMENT = timedelta(seconds=MAX_CLOCK_SKEW)
"""How far a channel's clock may be ahead of ours."""


def _possible(moment: datetime) -> datetime:
    # It is stored, shown on the receipt and sent to the provider: a signature does not make such a date right.
    if not EARLIEST_PAYMENT <= moment <= datetime.now(UTC) + LATEST_PAYMENT:
        raise ValueError("not a time at which this could have been paid")
    return moment


PaidAt = Annotated[AwareDatetime, Field(strict=True), AfterValidator(_possible)]
"""When a channel says it took the money."""


AT_COUNTER = {ChannelName.CASH, ChannelName.POS}
"""Channels without an API: a clerk records the outcome of a payment."""


@dataclass(frozen=True)
class Payer:
    """What some channels need of the payer. It comes with the payer's request and is not stored."""

    open_id: str | None = field(default=None, repr=False)
    """The payer's id in our WeChat application."""
    address: str | None = field(default=None, repr=False)
    """The IP address of the payer's phone."""


NOBODY = Payer()


@dataclass(frozen=True)
class Order:
    """What a channel has to collect. A number identifies one content, so that resending an order is safe."""

    number: str
    """A UUIDv7 in hexadecimal, which also says when it was made."""
    amount_fen: int
    expires_at: datetime
    method: str | None = None
    """How it is paid, of the channel's methods; a channel without a choice has none."""
    payer: Payer = NOBODY


@dataclass(frozen=True)
class Waiting:
    """The order is open. The fields say how the resident pays it, if the answer has that."""

    pay_url: str | None = None
    """An address to open."""
    pay_parameters: Mapping[str, str] | None = None
    """What the channel's SDK is called with; or, beside an address, the fields of a form to send there."""


@dataclass(frozen=True)
class Paid:
    """The channel has the money."""

    merchant_id: str
    transaction_id: str
    amount_fen: int
    currency: str
    paid_at: datetime


@dataclass(frozen=True)
class Closed:
    """The order was not paid and never can be."""


@dataclass(frozen=True)
class Absent:
    """The channel has no order of this number, yet."""


@dataclass(frozen=True)
class Refused:
    """The channel will not take this order; it has not kept it."""

    code: str


@dataclass(frozen=True)
class Unclear:
    """No answer, or none that can be trusted: the order's outcome is queried again."""

    reason: str


Answer = Waiting | Paid | Closed | Absent | Refused | Unclear


class Channel(Protocol):
    """What each channel can do. Whatever a channel, or the way to it, does wrong is `Unclear` and never raised."""

    @property
    def methods(self) -> Sequence[str]:
        """The ways in which an order can be paid, the usual one first; none when there is no choice."""

    async def place(self, order: Order) -> Answer:
        """Ask for the money; placing an order again gives the answer of the first time."""

    async def query(self, order: Order) -> Answer:
        """Query an order."""

    async def close(self, order: Order) -> Answer:
        """End an unpaid order; one that was paid after all is answered as paid."""


@dataclass(frozen=True)
class RefundOrder:
    """What a channel has to refund of a paid order. A number identifies one content, as with an order."""

    number: str
    order_number: str
    transaction_id: str
    amount_fen: int
    paid_fen: int
    """What the order was paid with; several refunds together never exceed it."""


@dataclass(frozen=True)
class Refunding:
    """The channel has taken the refund and is at it."""


@dataclass(frozen=True)
class Refunded:
    """The payer has the money back."""

    refund_id: str
    amount_fen: int
    refunded_at: datetime


@dataclass(frozen=True)
class RefundAbsent:
    """The channel has no refund of this number, yet."""


@dataclass(frozen=True)
class RefundRefused:
    """The channel refused or failed to refund."""

    code: str


@dataclass(frozen=True)
class RefundAbnormal:
    """The money has left us, and the payer's account could not take it: people finish it at the channel.

    They do it under the refund's own number, so it is not refused: refunded another way, it would be paid twice.
    """

    code: str


RefundAnswer = Refunding | Refunded | RefundAbsent | RefundRefused | RefundAbnormal | Unclear


@runtime_checkable
class RefundingChannel(Protocol):
    """A channel that refunds; as with orders, failures are `Unclear`, never raised."""

    async def refund(self, refund: RefundOrder) -> RefundAnswer:
        """Request a refund. Idempotent: a repeated request gets the first answer."""

    async def query_refund(self, refund: RefundOrder) -> RefundAnswer:
        """Query a refund."""


class NoStatement(NoAnswer):
    """The channel says that it has no bill of this day: nothing happened on it."""


@runtime_checkable
class StatementChannel(Protocol):
    """A channel that publishes a statement file of each day."""

    def statement(self, day: date) -> AsyncIterator[bytes]:
        """The channel's bill file of a day in Beijing, as it is.

        Raises:
            NoStatement: there is none.
            NotReached, NoAnswer, BadSignature: it did not come, or not from the channel.
        """


Channels = Mapping[ChannelName, Channel]
