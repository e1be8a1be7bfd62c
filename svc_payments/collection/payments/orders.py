"""A payment's order at its channel: placed, polled, closed.

The channel is never called inside a transaction. The attempt is committed before the first call; the answer is applied
in a transaction after it, to whatever the payment has become by then. All calls carry the order's own number, so that
any of them may be repeated: by a second tap, by another worker, after a crash.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.outbox import emit
from chassis.telemetry import log
from kit.calendar import database_time
from kit.invariants import InvariantBrokenError
from kit.leases import claim_due, poll_again
from svc_payments.channels.mandates import Deductions, MandateChannel
from svc_payments.channels.methods import ChannelNotAvailable, chosen, require_payer
from svc_payments.channels.provider import (
    AT_COUNTER,
    NOBODY,
    Absent,
    Answer,
    Channel,
    Channels,
    Closed,
    Order,
    Paid,
    Payer,
    Refused,
    Unclear,
    Waiting,
)
from svc_payments.channels.registry import open_channels
from svc_payments.collection.payments import service
from svc_payments.collection.payments.capture import capture
from svc_payments.collection.payments.events import PaymentPending, PaymentUnknown, event_of
from svc_payments.collection.payments.models import AT_CHANNEL, Attempt, Payment, PaymentStatus
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName

_CALLS_IN_AN_INQUIRY = 3


@dataclass(frozen=True)
class Orders:
    """What every step needs: the database and the channels to go between."""

    database: Database
    channels: Channels
    settings: Settings

    @property
    def offered(self) -> list[ChannelName]:
        """Over which channels a payment may begin now."""
        return [name for name in self.channels if name not in self.settings.paused_channels]

    async def confirm(
        self, person_id: UUID, payment_id: UUID, method: str | None = None, payer: Payer = NOBODY
    ) -> Payment:
        """Place the order of a payment. A second tap, even at the same moment, gets the same order.

        Raises:
            NotFound, PaymentTooLate, IllegalMove: as `service.confirm`.
            ChannelNotAvailable, MethodNotOffered, MethodAlreadyChosen, OpenIdMissing: it cannot be paid like that.
        """
        first_ask = timedelta(seconds=self.settings.ask_again_seconds[0])
        async with self.database.transaction() as tx:
            payment = await service.confirm(tx, person_id, payment_id, self.settings.order_lifetime, first_ask)
            if payment.status not in AT_CHANNEL or payment.channel in AT_COUNTER:
                return payment
            channel, attempt = self._channel(payment), _attempt(payment)
            attempt.method = chosen(channel.methods, method, attempt.method)
            if _may_be_paid(payment):
                return payment
            if payment.channel not in self.offered:
                raise ChannelNotAvailable  # it was paused after the payment was begun, which stays as it was
            require_payer(attempt.method, payer)
            moment = await database_time(tx)
        order = order_of(payment, payer)
        # A pending order has never been answered for, so it is placed.
        placing = payment.status == PaymentStatus.PENDING
        answer = await (channel.place(order) if placing else inquire(channel, order, moment, placed=False))
        return await self._apply(payment_id, answer)

    async def cancel(self, person_id: UUID, payment_id: UUID) -> Payment:
        """Cancel an unpaid payment, after the channel has closed its order.

        Raises:
            NotFound, IllegalMove: as `service.cancel_unconfirmed`.
        """
        async with self.database.transaction() as tx:
            payment = await service.cancel_unconfirmed(tx, person_id, payment_id)
        if payment.status not in AT_CHANNEL or payment.channel in AT_COUNTER:
            return payment
        return await self._apply(payment_id, await self._channel(payment).close(order_of(payment)))

    def _channel(self, payment: Payment) -> Channel:
        if payment.channel not in self.channels:
            raise ChannelNotAvailable  # it was taken out of the settings while the payment stood there
        channel, contract_number = self.channels[payment.channel], _attempt(payment).contract_number
        if contract_number is None:
            return channel
        if not isinstance(channel, MandateChannel):
            raise InvariantBrokenError("the channel of a mandate does not deduct")
        return Deductions(channel, contract_number)

    async def ask_due(self) -> int:
        """Query every order that is due. Returns how many were queried."""
        # When a worker dies during a query, the lease ends soon after the query would have.
        lease = timedelta(seconds=_CALLS_IN_AN_INQUIRY * self.settings.channel_timeout_seconds + 1)
        async with self.database.transaction() as tx:
            due = await _claim_due(tx, lease)
            moment = await database_time(tx)
        await asyncio.gather(*(self._ask(payment, moment) for payment in due))
        return len(due)

    async def _ask(self, payment: Payment, moment: datetime) -> None:
        placed = _may_be_paid(payment)
        try:
            answer = await inquire(self._channel(payment), order_of(payment), moment, placed=placed)
            async with self.database.transaction() as tx:
                payment = await service.lock(tx, payment.id)
                await self._apply_locked(tx, payment, answer)
                await _poll_again(tx, payment, self.settings.ask_again_seconds)
        except Exception as error:  # noqa: BLE001 - this one is retried later; the others go on
            log.error("asking_failed", payment_id=str(payment.id), exc_info=error)

    async def _apply(self, payment_id: UUID, answer: Answer) -> Payment:
        async with self.database.transaction() as tx:
            payment = await service.lock(tx, payment_id)
            await self._apply_locked(tx, payment, answer)
        return payment

    async def _apply_locked(self, tx: AsyncSession, payment: Payment, answer: Answer) -> None:
        """Apply the channel's answer to a locked payment; a settled payment does not change."""
        match answer:
            case Paid():
                if await capture(tx, payment, answer, self.settings.merchant_at(payment.channel), subject=payment.id):
                    await _mark_unknown(tx, payment)
            case _ if payment.status not in AT_CHANNEL:
                return
            case Closed():
                await service.give_up(tx, payment, PaymentStatus.EXPIRED)
            case Refused(code=code):
                _attempt(payment).refusal = code
                await service.give_up(tx, payment, PaymentStatus.FAILED)
            case Waiting():
                await _wait(tx, payment, answer)
            case Absent() | Unclear():
                # A waiting order stays so while the channel cannot be queried, but not past its expiry.
                if not (_may_be_paid(payment) and payment.expires_at > await database_time(tx)):
                    await _mark_unknown(tx, payment)


async def keep_asking(database: Database, settings: Settings) -> None:
    """Ask about what is due until cancelled."""
    async with open_channels(settings) as channels:
        orders = Orders(database, channels, settings)
        while True:
            if not await orders.ask_due():
                await asyncio.sleep(settings.poll_seconds)


def order_of(payment: Payment, payer: Payer = NOBODY) -> Order:
    """The request to the channel; the same at every attempt."""
    attempt = _attempt(payment)
    return Order(attempt.order_number, payment.amount_fen, payment.expires_at, attempt.method, payer)


async def inquire(channel: Channel, order: Order, moment: datetime, *, placed: bool) -> Answer:
    """Query an order, and close it once it has expired.

    Args:
        channel: the channel of the order.
        order: which one.
        moment: the present time.
        placed: whether we know where it is paid; if not, and it still can be, it is placed again to learn that.
    """
    answer = await channel.query(order)
    over = order.expires_at <= moment
    match answer:
        case Absent() if over:
            # The channel accepts no expired order, so this one will never exist.
            return Closed()
        case Waiting() if over:
            return await channel.close(order)
        case Absent() | Waiting() if not placed:
            # Absent though placed: an order that the payer delivers exists only once the payer opens it.
            return await channel.place(order)
        case _:
            return answer


def _attempt(payment: Payment) -> Attempt:
    if payment.attempt is None:
        raise InvariantBrokenError("a confirmed payment has no order")
    return payment.attempt


def _may_be_paid(payment: Payment) -> bool:
    return payment.status == PaymentStatus.PENDING and _placed(_attempt(payment))


def _placed(attempt: Attempt) -> bool:
    """Whether we know how the order is paid."""
    return attempt.pay_url is not None or attempt.pay_parameters is not None


async def _wait(tx: AsyncSession, payment: Payment, answer: Waiting) -> None:
    attempt = _attempt(payment)
    if not _placed(attempt):
        attempt.pay_url = answer.pay_url
        attempt.pay_parameters = dict(answer.pay_parameters) if answer.pay_parameters else None
    if payment.status == PaymentStatus.UNKNOWN and (_placed(attempt) or attempt.contract_number):
        payment.move_to(PaymentStatus.PENDING)
        await emit(tx, event_of(PaymentPending, payment))


async def _mark_unknown(tx: AsyncSession, payment: Payment) -> None:
    if payment.status == PaymentStatus.PENDING:
        payment.move_to(PaymentStatus.UNKNOWN)
        await emit(tx, event_of(PaymentUnknown, payment))


async def _claim_due(tx: AsyncSession, lease: timedelta) -> Sequence[Payment]:
    """Lease payments whose order is due for a query."""
    attempts = await claim_due(tx, Attempt, lease)
    query = select(Payment).where(Payment.id.in_([attempt.payment_id for attempt in attempts]))
    return (await tx.scalars(query)).all()


async def _poll_again(tx: AsyncSession, payment: Payment, pauses: Sequence[float]) -> None:
    """Schedule the next query, at the latest when the unpaid order expires."""
    if payment.status not in AT_CHANNEL:
        return
    moment = await database_time(tx)
    latest = payment.expires_at if moment < payment.expires_at else None
    poll_again(_attempt(payment), moment, pauses, latest=latest)
