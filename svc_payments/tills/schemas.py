from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from svc_payments.collection.payments.allocation import MOST_BILLS
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.receipts.models import Receipt
from svc_payments.parties.providers.account_numbers import AccountNumber
from svc_payments.tills import models
from svc_payments.tills.models import DENOMINATIONS, SessionStatus
from svc_payments.tills.payout_proofs.schemas import PayoutDigits

LARGEST_FEN = 10_000_000_000
MOST_PIECES = 100_000

Fen = Annotated[int, Field(strict=True, ge=0, le=LARGEST_FEN)]
PositiveFen = Annotated[int, Field(strict=True, gt=0, le=LARGEST_FEN)]
TillNumber = Annotated[str, Field(pattern="^[0-9A-Z-]{1,16}$")]
Denomination = Annotated[str, Field(pattern=f"^({'|'.join(map(str, DENOMINATIONS))})$")]
Reason = Annotated[Line, Field(max_length=200)]


class NewTillSession(BaseModel):
    organisation_id: UUID = Field(description="The counter at which the caller is a clerk.")
    till_number: TillNumber = Field(description="Which till of the counter; capital letters, digits and hyphens.")
    opening_float_fen: Fen = Field(description="The opening float of the drawer.")


class TillSession(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    till_session_id: UUID
    organisation_id: UUID
    division_code: str | None
    till_number: str
    clerk_id: UUID
    status: str
    """open, counted, closed or deposited; expect further values within v1."""
    opening_float_fen: int
    opened_at: datetime
    expected_fen: int | None
    """The cash expected in the drawer when it was counted."""
    counted_fen: int | None
    difference_fen: int | None
    """Counted less expected cash; negative if cash is missing."""
    closed_at: datetime | None
    closed_by: UUID | None
    deposited_at: datetime | None
    deposit_reference: str | None


class Cash(BaseModel):
    channel: Literal["cash"]
    tendered_fen: PositiveFen = Field(description="The cash handed over; the answer has the change.")


class Terminal(BaseModel):
    """A card payment by the numbers of its slip. The card's number is never taken."""

    merchant_number: Annotated[str, Field(pattern="^[0-9A-Z]{15}$")]
    terminal_number: Annotated[str, Field(pattern="^[0-9A-Z]{8}$")]
    batch_number: Annotated[str, Field(pattern="^[0-9]{6}$")]
    trace_number: Annotated[str, Field(pattern="^[0-9]{6}$")]
    retrieval_number: Annotated[str, Field(pattern="^[0-9A-Z]{12}$", description="The acquirer's number, RRN.")]
    amount_fen: PositiveFen = Field(description="The amount charged by the terminal; it must equal the bills' amount.")


class Pos(BaseModel):
    channel: Literal["pos"]
    terminal: Terminal | None = Field(
        default=None,
        description="The slip of a card charged already. Without it the bills are kept for this payer until the "
        "terminal has answered; then capture or cancel the payment.",
    )


class NewTillPayment(BaseModel):
    """Bills of one account, or the fee of an application, to be paid at once. The amount is computed from the bills.

    For a fee, `account_number` is the id of the application.
    """

    provider_id: UUID
    account_number: AccountNumber
    bill_ids: Annotated[set[UUID], Field(min_length=1, max_length=MOST_BILLS)]
    person_id: UUID | None = Field(
        default=None,
        description="Who pays and has identified themselves: a resident bound to the account, or who has applied. The "
        "payment is then listed among theirs. Without it, it belongs to the till session alone.",
    )
    tender: Annotated[Cash | Pos, Field(discriminator="channel")]


class TillPayment(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    payment_id: UUID
    till_session_id: UUID
    provider_id: UUID
    account_number: str
    bill_ids: list[UUID]
    channel: str
    amount_fen: int
    tendered_fen: int | None
    change_fen: int | None
    retrieval_number: str | None
    status: str
    """The payment's: pending while the card terminal has not answered; expect further values within v1."""
    receipt_number: str | None
    created_at: datetime
    captured_at: datetime | None
    voided_at: datetime | None
    """When it was voided within the session and the money handed back."""


class RefundAtCounter(BaseModel):
    """A refund that waits for its payer, as the clerk needs to see it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    refund_number: str
    payment_id: UUID
    channel: str
    """cash: from the drawer; pos: over the card terminal."""
    amount_fen: int
    status: str
    """at_counter, or refunded once it is paid out; expect further values within v1."""
    needs_approval: bool
    """Whether a supervisor has to approve the payout even when the payer has a payout code."""


class Payout(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    payout_code: PayoutDigits | None = None
    """The code that the payer's app shows."""
    receipt_code: Annotated[str, Field(max_length=100)] | None = None
    """The verification code on the receipt of a payer without the app, once a supervisor has approved the payout."""
    retrieval_number: Annotated[str, Field(pattern="^[0-9A-Z]{12}$")] | None = None
    """The number of the terminal's slip (RRN), for a refund of a card payment."""


class NewCount(BaseModel):
    """The notes and coins in the drawer by denomination; those left out count as none."""

    pieces: Annotated[
        dict[Denomination, Annotated[int, Field(strict=True, ge=0, le=MOST_PIECES)]],
        Field(description="Denomination in fen -> pieces.", examples=[{"10000": 3, "100": 12, "50": 1}]),
    ]


class WithReason(BaseModel):
    reason: Reason


class NewDeposit(BaseModel):
    reference: Annotated[str, Field(pattern="^[0-9A-Za-z-]{4,64}$")] = Field(description="Number of the bank's slip.")
    amount_fen: PositiveFen = Field(description="The amount on the slip; it must be the drawer's cash less the float.")


class ChannelTotal(BaseModel):
    channel: str
    payments: int
    amount_fen: int
    voided_payments: int
    voided_fen: int
    """Part of amount_fen that was handed back within the session."""


class Count(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    counted_at: datetime
    counted_by: UUID
    pieces: dict[str, int]
    counted_fen: int
    expected_fen: int


class TillReport(BaseModel):
    session: TillSession
    totals: list[ChannelTotal]
    unfinished_payments: int
    """Card payments without a result from the terminal."""
    paid_out_fen: int
    """Cash that left the drawer for refunds."""
    expected_fen: int
    """Cash expected in the drawer now: the float and the cash taken, less the cash handed back and paid out."""
    counts: list[Count]


def shown(session: models.TillSession) -> TillSession:
    return TillSession(
        till_session_id=session.id,
        organisation_id=session.organisation_id,
        division_code=session.division_code,
        till_number=session.till_number,
        clerk_id=session.clerk_id,
        status=SessionStatus(session.status),
        opening_float_fen=session.opening_float_fen,
        opened_at=session.opened_at,
        expected_fen=session.expected_fen,
        counted_fen=session.counted_fen,
        difference_fen=session.difference_fen,
        closed_at=session.closed_at,
        closed_by=session.closed_by,
        deposited_at=session.deposited_at,
        deposit_reference=session.deposit_reference,
    )


def shown_payment(taken: models.TillPayment, payment: Payment, receipt: Receipt | None) -> TillPayment:
    return TillPayment(
        payment_id=payment.id,
        till_session_id=taken.till_session_id,
        provider_id=payment.provider_id,
        account_number=taken.account_number,
        bill_ids=payment.bill_ids,
        channel=payment.channel,
        amount_fen=payment.amount_fen,
        tendered_fen=taken.tendered_fen,
        change_fen=taken.change_fen,
        retrieval_number=taken.retrieval_number,
        status=payment.status,
        receipt_number=receipt.number if receipt else None,
        created_at=payment.created_at,
        captured_at=payment.captured_at,
        voided_at=taken.voided_at,
    )
