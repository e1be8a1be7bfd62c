"""The takings of a till session, and the expected cash in its drawer."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.collection.payments.models import AT_CHANNEL, GIVEN_UP, Payment
from svc_payments.settings.channels import ChannelName
from svc_payments.tills.models import TillCount, TillPayment, TillPayout, TillSession


@dataclass(frozen=True)
class Total:
    """The captured payments of a session through one channel."""

    channel: ChannelName
    payments: int
    amount_fen: int
    voided_payments: int
    voided_fen: int


async def totals(tx: AsyncSession, session_id: UUID) -> Sequence[Total]:
    voided = TillPayment.voided_at.is_not(None)
    columns = (
        func.count().label("payments"),
        func.sum(Payment.amount_fen).label("amount_fen"),
        func.count().filter(voided).label("voided_payments"),
        func.sum(case((voided, Payment.amount_fen), else_=0)).label("voided_fen"),
    )
    captured = (
        select(Payment.channel, *columns)
        .join(TillPayment, TillPayment.payment_id == Payment.id)
        .where(TillPayment.till_session_id == session_id, Payment.status.not_in(AT_CHANNEL | GIVEN_UP))
        .group_by(Payment.channel)
        .order_by(Payment.channel)
    )
    return [
        Total(ChannelName(row.channel), row.payments, int(row.amount_fen), row.voided_payments, int(row.voided_fen))
        for row in await tx.execute(captured)
    ]


async def unfinished(tx: AsyncSession, session_id: UUID) -> int:
    """How many payments of a session wait for the card terminal's answer."""
    waiting = (
        select(func.count())
        .select_from(TillPayment)
        .join(Payment, Payment.id == TillPayment.payment_id)
        .where(TillPayment.till_session_id == session_id, Payment.status.in_(AT_CHANNEL))
    )
    return (await tx.scalars(waiting)).one()


def expected_fen(session: TillSession, taken: Sequence[Total], paid_out_fen: int) -> int:
    """The expected cash: the float and the cash taken, less cash handed back or paid out for refunds."""
    cash = (each.amount_fen - each.voided_fen for each in taken if each.channel == ChannelName.CASH)
    return session.opening_float_fen + sum(cash) - paid_out_fen


async def paid_out_fen(tx: AsyncSession, session_id: UUID) -> int:
    """The cash that left the drawer of a session for refunds."""
    paid = select(func.coalesce(func.sum(TillPayout.cash_fen), 0)).where(TillPayout.till_session_id == session_id)
    return int(await tx.scalar(paid) or 0)


async def in_drawer_fen(tx: AsyncSession, session: TillSession) -> int:
    """The expected cash in the drawer of a session now."""
    return expected_fen(session, await totals(tx, session.id), await paid_out_fen(tx, session.id))


async def counts(tx: AsyncSession, session_id: UUID) -> Sequence[TillCount]:
    query = select(TillCount).where(TillCount.till_session_id == session_id).order_by(TillCount.id)
    return (await tx.scalars(query)).all()
