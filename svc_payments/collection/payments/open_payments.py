"""Locked payments that wait for their money, as plain rows: a batch captures dozens of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, Uuid, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Timestamp
from chassis.problems import checked_move
from kit.invariants import InvariantBrokenError
from kit.leases import claimable
from svc_payments.base import any_given, given, given_table, table_of
from svc_payments.billing.bills.models import Part
from svc_payments.channels.provider import Paid
from svc_payments.collection.payments.models import TRANSITIONS, Attempt, Payment, PaymentLine, PaymentStatus

_LOCK_FREE = claimable(
    select(Payment.id).where(
        Payment.id.in_(select(Attempt.payment_id).where(Attempt.order_number == any_given("order_number", Text())))
    ),
    Payment.id,
    of=Payment,
)
_READ = (
    select(
        *(Payment.id, Payment.person_id, Payment.provider_id, Payment.channel, Payment.amount_fen),
        *(Payment.status, Payment.held, Payment.refunded_fen),
        *(Attempt.id, Attempt.order_number, Attempt.transaction_id),
        *(PaymentLine.bill_id, PaymentLine.amount_fen, PaymentLine.late_fee_fen),
    )
    .join(Attempt, Attempt.payment_id == Payment.id)
    .join(PaymentLine, PaymentLine.payment_id == Payment.id)
    .where(Payment.id == any_given("payment_id", Uuid()))
    .order_by(Payment.id, PaymentLine.bill_id)
)
_CAPTURE = (
    update(table_of(Payment))
    .where(Payment.id == any_given("id", Uuid()))
    .values(status=PaymentStatus.CAPTURED, captured_at=func.now())
    .returning(Payment.captured_at)
)
_PAID = given_table({"id": Uuid(), "transaction_id": Text(), "paid_at": Timestamp})
_PAY = (
    update(table_of(Attempt))
    .where(Attempt.id == _PAID.c.id)
    .values(transaction_id=_PAID.c.transaction_id, paid_at=_PAID.c.paid_at, ask_at=None)
)
_RELEASE = (
    update(table_of(PaymentLine))
    .where(
        PaymentLine.payment_id == any_given("payment_id", Uuid()), PaymentLine.bill_id == any_given("bill_id", Uuid())
    )
    .values(released_at=func.now())
)


@dataclass(eq=False, slots=True)
class OpenPayment:
    """What a capture reads of a locked payment and its order, and what it changes."""

    id: UUID
    person_id: UUID
    provider_id: UUID
    channel: str
    amount_fen: int
    status: str
    held: bool
    refunded_fen: int
    attempt_id: UUID
    order_number: str
    transaction_id: str | None
    parts: dict[UUID, Part] = field(default_factory=dict)
    """What it pays of each bill, in the order of their ids."""
    captured_at: datetime | None = None

    @property
    def bill_ids(self) -> list[UUID]:
        return list(self.parts)


def opened(payment: Payment) -> OpenPayment:
    """A locked payment of the session as a plain row."""
    attempt = payment.attempt
    if attempt is None:
        raise InvariantBrokenError("a payment at a channel has no order")
    return OpenPayment(
        payment.id,
        payment.person_id,
        payment.provider_id,
        payment.channel,
        payment.amount_fen,
        payment.status,
        payment.held,
        payment.refunded_fen,
        attempt.id,
        attempt.order_number,
        attempt.transaction_id,
        payment.parts,
    )


async def lock_free_of_orders(tx: AsyncSession, order_numbers: Sequence[str]) -> Sequence[OpenPayment]:
    """Lock the payments of these orders in the order of their ids, skipping those locked by another transaction."""
    locked = (await tx.scalars(_LOCK_FREE, given(order_number=order_numbers))).all()
    # Read only now, as the last ones who changed them left them.
    payments: dict[UUID, OpenPayment] = {}
    for *columns, bill_id, amount_fen, late_fee_fen in await tx.execute(_READ, given(payment_id=locked)):
        if columns[0] not in payments:
            payments[columns[0]] = OpenPayment(*columns)
        payments[columns[0]].parts[bill_id] = Part(amount_fen, late_fee_fen)
    return list(payments.values())


async def mark_captured(tx: AsyncSession, captured: Mapping[OpenPayment, Paid]) -> None:
    """Move open payments on, with what their channel reports of the money."""
    for each in captured:
        each.status = checked_move(TRANSITIONS, PaymentStatus(each.status), PaymentStatus.CAPTURED)
    moments = await tx.scalars(_CAPTURE, given(id=[each.id for each in captured]))
    moment = moments.unique().one()
    orders = given(
        id=[each.attempt_id for each in captured],
        transaction_id=[paid.transaction_id for paid in captured.values()],
        paid_at=[paid.paid_at for paid in captured.values()],
    )
    await tx.execute(_PAY, orders)
    for each, paid in captured.items():
        each.captured_at, each.transaction_id = moment, paid.transaction_id


async def release(tx: AsyncSession, payments: Collection[OpenPayment], bill_ids: Collection[UUID]) -> None:
    """Release captured payments' lines of bills that another payment may be begun for."""
    lines = given(payment_id=[each.id for each in payments], bill_id=bill_ids)
    await tx.execute(_RELEASE, lines)
