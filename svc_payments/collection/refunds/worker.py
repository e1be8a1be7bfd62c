"""Refunds at their channels: requested under their own numbers, then polled until the outcome is known.

As with orders, the channel is never called inside a transaction: the refund is committed before the call, the answer is
applied in a transaction after it. Every call carries the same number, so that no refund happens twice; one with an
unknown outcome is queried before anything else is done with its money.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.telemetry import log
from kit.calendar import database_time
from kit.invariants import InvariantBrokenError
from kit.leases import claim_due, poll_again
from svc_payments.channels.provider import (
    Channels,
    RefundAbnormal,
    RefundAbsent,
    RefundAnswer,
    Refunded,
    Refunding,
    RefundingChannel,
    RefundOrder,
    RefundRefused,
    Unclear,
)
from svc_payments.channels.registry import open_channels
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import transitions
from svc_payments.collection.refunds.automatic_refunds import transaction_of
from svc_payments.collection.refunds.models import AT_CHANNEL, Refund, RefundStatus
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind
from svc_payments.settings import Settings

_CALLS_IN_A_TURN = 2


@dataclass(frozen=True)
class Turn:
    """One worker's turn at a refund."""

    refund_id: UUID
    channel: RefundingChannel | None
    order: RefundOrder
    maybe_requested: bool
    """Whether the request may have reached the channel."""


@dataclass(frozen=True)
class Refunds:
    """What every step needs."""

    database: Database
    channels: Channels
    settings: Settings

    async def ask_due(self) -> int:
        """Take the next step of every refund that is due. Returns how many there were."""
        lease = timedelta(seconds=_CALLS_IN_A_TURN * self.settings.channel_timeout_seconds + 1)
        async with self.database.transaction() as tx:
            turns = [await self._turn(tx, refund) for refund in await claim_due(tx, Refund, lease)]
        await asyncio.gather(*map(self._take, turns))
        return len(turns)

    async def _turn(self, tx: AsyncSession, refund: Refund) -> Turn:
        payment = (await tx.scalars(select(Payment).where(Payment.id == refund.payment_id))).one()
        if payment.attempt is None:
            raise InvariantBrokenError("a captured payment has no transaction")
        transaction_id, paid_fen = await transaction_of(tx, refund, payment)
        order = RefundOrder(
            number=refund.number,
            order_number=payment.attempt.order_number,
            transaction_id=transaction_id,
            amount_fen=refund.amount_fen,
            paid_fen=paid_fen,
        )
        channel: object = self.channels.get(payment.channel)
        refunding = channel if isinstance(channel, RefundingChannel) else None
        maybe_requested = refund.status != RefundStatus.STARTED or refund.asked > 0
        return Turn(refund.id, refunding, order, maybe_requested)

    async def _take(self, turn: Turn) -> None:
        try:
            answer = await _ask(turn)
            async with self.database.transaction() as tx:
                refund, payment = await lock(tx, turn.refund_id)
                await _apply(tx, refund, payment, answer)
                if refund.status in AT_CHANNEL:
                    poll_again(refund, await database_time(tx), self.settings.ask_again_seconds)
        except Exception as error:  # noqa: BLE001 - it is retried later; the others continue
            log.error("refunding_failed", refund_id=str(turn.refund_id), exc_info=error)


async def keep_refunding(database: Database, settings: Settings) -> None:
    """Process due refunds until cancelled."""
    async with open_channels(settings) as channels:
        refunds = Refunds(database, channels, settings)
        while True:
            if not await refunds.ask_due():
                await asyncio.sleep(settings.poll_seconds)


async def lock(tx: AsyncSession, refund_id: UUID) -> tuple[Refund, Payment]:
    """A refund and its payment for changing, as the last one who changed them left them."""
    query = select(Refund).where(Refund.id == refund_id).with_for_update()
    refund = (await tx.scalars(query.execution_options(populate_existing=True))).one()
    return refund, await payments.lock(tx, refund.payment_id)


async def _ask(turn: Turn) -> RefundAnswer:
    if turn.channel is None:
        return Unclear("channel_not_available")
    answer = await turn.channel.query_refund(turn.order) if turn.maybe_requested else RefundAbsent()
    # One that the channel does not have is requested again, under the same number.
    return await turn.channel.refund(turn.order) if isinstance(answer, RefundAbsent) else answer


async def _apply(tx: AsyncSession, refund: Refund, payment: Payment, answer: RefundAnswer) -> None:
    """Apply the channel's answer to a locked refund; a settled refund does not change."""
    if refund.status not in AT_CHANNEL:
        return
    match answer:
        case Refunded(amount_fen=amount_fen) if amount_fen != refund.amount_fen:
            kind, said_fen = IncidentKind.REFUND_DISAGREES, amount_fen
            await incidents.record(tx, kind, refund.id, amount_fen=refund.amount_fen, said_fen=said_fen)
            await transitions.unknown(tx, refund, payment)
        case Refunded(refund_id=reference, refunded_at=moment):
            await transitions.refunded(tx, refund, payment, reference, moment)
        case RefundRefused(code=code):
            await transitions.failed(tx, refund, payment, code)
        case RefundAbnormal(code=code):
            await transitions.abnormal(tx, refund, payment, code)
        case Refunding():
            if refund.status != RefundStatus.REFUNDING:
                refund.move_to(RefundStatus.REFUNDING)
        case RefundAbsent() | Unclear() if refund.status != RefundStatus.ABNORMAL:
            await transitions.unknown(tx, refund, payment)
