"""The life of a payment, each step in the caller's transaction. Its row is locked first, then its bills."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import IllegalMove, NotFound, Problem
from kit.calendar import database_time
from kit.invariants import InvariantBrokenError
from kit.leases import claimable
from svc_payments.amounts import money
from svc_payments.billing.app_orders import standing as app_orders
from svc_payments.billing.bills import account_bills
from svc_payments.billing.bills import service as bills
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.payments import allocation, schemas
from svc_payments.collection.payments.allocation import Plan, PlannedLine
from svc_payments.collection.payments.events import (
    PaymentCreated,
    PaymentExpired,
    PaymentFailed,
    PaymentPending,
    event_of,
)
from svc_payments.collection.payments.models import AT_CHANNEL, GIVEN_UP, Attempt, Payment, PaymentLine, PaymentStatus
from svc_payments.parties.providers.service import require_connected
from svc_payments.settings.channels import ChannelName

_SHORTEST = timedelta(minutes=1)


class BillAmountChanged(Problem):
    """The amount due differs from what the payer was shown."""

    status, code = 409, "bill_amount_changed"


class PaymentTooLate(Problem):
    """The time for confirming has passed; the bills are about to be free for another payment."""

    status, code = 409, "payment_too_late"


async def create_payment(
    tx: AsyncSession, person_id: UUID, new: schemas.NewPayment, lifetime: timedelta
) -> schemas.Payment:
    """Reserve what a person has chosen to pay: bills at what they come to today, or an amount on an account.

    Raises:
        NotFound, BillAlreadyPaid, PaymentInProgress, BillNotPayable: as for bills.
        BillAmountChanged: it is not what the payer has been shown.
        Problem: the provider's terms do not allow it; see `plans`.
    """
    plan = await chosen(tx, person_id, new, locked=True)
    if new.expected_amount_fen not in {None, plan.amount_fen}:
        raise BillAmountChanged(**money(amount=plan.amount_fen, expected=new.expected_amount_fen))
    expires_at = await database_time(tx) + lifetime
    return schemas.shown(await begin(tx, person_id, plan, new.channel, expires_at))


async def chosen(tx: AsyncSession, person_id: UUID, choice: schemas.PaymentChoice, *, locked: bool) -> Plan:
    """The bills and the amount of a choice.

    Raises: as `create_payment`.
    """
    if choice.bill_ids:
        look = bills.lock_payable if locked else bills.payable
        payable = await look(tx, person_id, choice.bill_ids)
        return await allocation.whole_bills(tx, payable, person_id)
    if choice.provider_id is None:
        raise InvariantBrokenError("a choice names neither bills nor an account")
    if choice.account_number is None:
        raise InvariantBrokenError("a choice names neither bills nor an account")
    account = (choice.provider_id, choice.account_number)
    return await allocation.of_account(tx, person_id, *account, choice.amount_fen, locked=locked)


async def reserve(
    tx: AsyncSession, payer_id: UUID, payable: Sequence[Bill], channel: ChannelName, expires_at: datetime
) -> Payment:
    """Begin a payment of locked bills that are due; the caller has checked that the payer may see them.

    Raises:
        BillsOfSeveralProviders: a payment is for one provider.
        OlderBillFirst, ChannelNotAccepted, OutsideChannelLimits: the provider's terms do not allow it.
    """
    return await begin(tx, payer_id, await allocation.whole_bills(tx, payable), channel, expires_at)


async def begin(tx: AsyncSession, payer_id: UUID, plan: Plan, channel: ChannelName, expires_at: datetime) -> Payment:
    """Begin a payment of what is planned, whose bills are locked.

    Raises:
        ChannelNotAccepted, OutsideChannelLimits: as `Plan.check_channel`.
        ProviderSuspended
    """
    await require_connected(tx, plan.provider_id)
    plan.check_channel(channel)
    lines = list(plan.lines)
    if plan.made:
        lines.append(PlannedLine(await account_bills.make(tx, plan.made), plan.made.amount_fen, 0))
    payment = Payment(
        id=new_id(),
        person_id=payer_id,
        provider_id=plan.provider_id,
        channel=channel,
        amount_fen=plan.amount_fen,
        status=PaymentStatus.CREATED,
        held=False,
        refunded_fen=0,
        created_at=await database_time(tx),
        expires_at=expires_at,
        lines=[
            PaymentLine(
                bill_id=line.bill.id, amount_fen=line.amount_fen, late_fee_fen=line.late_fee_fen, partial=line.partial
            )
            for line in lines
        ],
        attempt=None,
    )
    tx.add(payment)
    await bills.mark_paying(tx, payment.bill_ids)
    await emit(tx, event_of(PaymentCreated, payment))
    return payment


async def own_payment(tx: AsyncSession, person_id: UUID, payment_id: UUID, *, locked: bool = False) -> Payment:
    """A payment of this person.

    Raises:
        NotFound: there is none, or it belongs to another person; the answer does not say which.
    """
    payment = await _payment(tx, Payment.id == payment_id, Payment.person_id == person_id, locked=locked)
    if payment is None:
        raise NotFound
    return payment


async def lock(tx: AsyncSession, payment_id: UUID) -> Payment:
    """A payment for changing, as the last one who changed it left it."""
    payment = await _payment(tx, Payment.id == payment_id, locked=True)
    if payment is None:
        raise InvariantBrokenError("a payment has gone")
    return payment


async def _payment(tx: AsyncSession, *conditions: ColumnElement[bool], locked: bool) -> Payment | None:
    query = select(Payment).where(*conditions)
    if locked:
        query = query.with_for_update(of=Payment).execution_options(populate_existing=True)
    return (await tx.scalars(query)).one_or_none()


async def confirm(tx: AsyncSession, person_id: UUID, payment_id: UUID, lifetime: timedelta, ask: timedelta) -> Payment:
    """Commit the attempt before the channel is called.

    A payment confirmed before is given as it is, so a second tap finds the order of the first.

    Args:
        tx: the transaction.
        person_id: the payer that it must belong to.
        payment_id: which one.
        lifetime: how long the order may be paid.
        ask: when the channel is first queried, should no notice arrive.

    Raises:
        NotFound: it is not this person's.
        PaymentTooLate: it was not confirmed in time.
        ProviderSuspended
        IllegalMove: it has been given up.
    """
    payment = await own_payment(tx, person_id, payment_id, locked=True)
    if payment.status in GIVEN_UP:
        raise IllegalMove(current=payment.status, wanted=PaymentStatus.PENDING)
    if payment.status != PaymentStatus.CREATED:
        return payment
    moment = await database_time(tx)
    if payment.expires_at <= moment:
        raise PaymentTooLate
    await require_connected(tx, payment.provider_id)
    payment.move_to(PaymentStatus.PENDING)
    payment.expires_at = moment + await _life(tx, payment, moment, lifetime)
    attempt_id = new_id()
    payment.attempt = Attempt(
        id=attempt_id,
        channel=payment.channel,
        order_number=attempt_id.hex,
        asked=0,
        ask_at=min(moment + ask, payment.expires_at),
    )
    await emit(tx, event_of(PaymentPending, payment))
    return payment


async def _life(tx: AsyncSession, payment: Payment, moment: datetime, usual: timedelta) -> timedelta:
    """How long the order at the channel may be paid: not longer than what it is for."""
    end = await app_orders.end_of(tx, payment.id)
    # Channels take no order of a shorter life than a minute.
    return usual if end is None else min(usual, max(end - moment, _SHORTEST))


async def give_up(tx: AsyncSession, payment: Payment, status: PaymentStatus) -> None:
    """End a locked payment that no money came for, as expired or failed; its bills are due again."""
    payment.move_to(status)
    moment = await database_time(tx)
    for line in payment.lines:
        line.released_at = moment
    if payment.attempt:
        payment.attempt.ask_at = None
    await bills.release(tx, payment.bill_ids)
    await app_orders.released(tx, payment.id)
    event = PaymentExpired if status == PaymentStatus.EXPIRED else PaymentFailed
    await emit(tx, event_of(event, payment))


async def expire_one(tx: AsyncSession) -> bool:
    """Free the bills of a payment that was not confirmed in time. Returns whether there was one.

    One in a transaction: bills are locked in the order of their ids, which those of several payments would not be.
    """
    late = select(Payment).where(Payment.status == PaymentStatus.CREATED, Payment.expires_at <= func.now())
    payment = await tx.scalar(claimable(late, Payment.expires_at, limit=1, of=Payment))
    if payment is not None:
        await give_up(tx, payment, PaymentStatus.EXPIRED)
    return payment is not None


async def cancel_unconfirmed(tx: AsyncSession, person_id: UUID, payment_id: UUID) -> Payment:
    """Give up a payment that has no order at a channel yet; one that has is returned unchanged.

    Raises:
        NotFound: it is not this person's.
        IllegalMove: it is paid.
    """
    payment = await own_payment(tx, person_id, payment_id, locked=True)
    if payment.status == PaymentStatus.CREATED:
        await give_up(tx, payment, PaymentStatus.EXPIRED)
    elif payment.status not in AT_CHANNEL | GIVEN_UP:
        raise IllegalMove(current=payment.status, wanted=PaymentStatus.EXPIRED)
    return payment
