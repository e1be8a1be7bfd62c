"""Both sides of a day: payments in our ledger, and the statement of the sandbox channel."""

import io
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database, new_id
from kit.calendar import today
from svc_payments.collection.payments.models import Attempt, Payment, PaymentStatus
from svc_payments.collection.refunds.models import Refund, RefundReason, RefundSource, RefundStatus, RefundWay
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.reconciliation.runs import service as reconciliation
from svc_payments.reconciliation.runs.models import Run
from svc_payments.reconciliation.statements import service as statements
from svc_payments.reconciliation.statements.files import spooled
from svc_payments.reconciliation.statements.layouts.sandbox import HEADER
from svc_payments.reconciliation.statements.models import Statement
from svc_payments.reconciliation.statements.parser import Expected
from svc_payments.reconciliation.statements.service import Counterparty
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName

DAY = today() - timedelta(days=1)
CHANNEL = statements.of_channel("sandbox")
MINUTE = timedelta(minutes=1)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class SamplePayment:
    """A payment as both sides record it."""

    order_number: str
    transaction_id: str
    amount_fen: int
    at: datetime

    @property
    def line(self) -> str:
        at = self.at.isoformat()
        return f"payment,{self.order_number},{self.transaction_id},,,{self.amount_fen},0,succeeded,{at}"

    def refund_line(self, number: str, amount_fen: int, state: str = "succeeded", later: timedelta = MINUTE) -> str:
        at = (self.at + later).isoformat()
        return f"refund,{self.order_number},{self.transaction_id},{number},R-{number},{amount_fen},0,{state},{at}"


def sample_payment(amount_fen: int = 4140, *, at: time = time(12), day: date = DAY) -> SamplePayment:
    number = next(_numbers)
    return SamplePayment(new_id().hex, f"T{number:08}", amount_fen, datetime.combine(day, at, CHINA))


def with_higher_amount(payment: SamplePayment, by_fen: int = 1) -> SamplePayment:
    return replace(payment, amount_fen=payment.amount_fen + by_fen)


async def capture(tx: AsyncSession, *payments: SamplePayment, channel: ChannelName = ChannelName.SANDBOX) -> list[UUID]:
    """Our side: captured payments in the ledger; returns their ids."""
    return [await _capture(tx, payment, channel) for payment in payments]


async def _capture(tx: AsyncSession, paid: SamplePayment, channel: ChannelName) -> UUID:
    payment = Payment(
        id=new_id(),
        person_id=new_id(),
        provider_id=new_id(),
        channel=channel,
        amount_fen=paid.amount_fen,
        status=PaymentStatus.CAPTURED,
        held=False,
        expires_at=paid.at + timedelta(minutes=30),
        captured_at=paid.at,
        lines=[],
        attempt=Attempt(
            id=new_id(),
            channel=channel,
            order_number=paid.order_number,
            transaction_id=paid.transaction_id,
            paid_at=paid.at,
            asked=0,
        ),
    )
    tx.add(payment)
    await tx.flush()
    await ledger.transfer(
        tx,
        TransferKind.PAYMENT_CAPTURED,
        payment.id,
        debit=ledger.channel_receivable(channel),
        credit=ledger.person_clearing(payment.person_id),
        amount_fen=paid.amount_fen,
    )
    return payment.id


async def add_refund(
    tx: AsyncSession,
    payment_id: UUID,
    known: SamplePayment,
    amount_fen: int,
    *,
    done: bool = True,
    later: timedelta = MINUTE,
    channel: ChannelName = ChannelName.SANDBOX,
) -> str:
    """Our side: a refund, in the ledger if it is done; returns its number."""
    refund = Refund(
        id=new_id(),
        number=new_id().hex,
        payment_id=payment_id,
        amount_fen=amount_fen,
        reason=RefundReason.OTHER,
        way=RefundWay.CHANNEL,
        source=RefundSource.SUSPENSE,
        status=RefundStatus.REFUNDED if done else RefundStatus.REFUNDING,
        refunded_at=known.at + later if done else None,
    )
    tx.add(refund)
    await tx.flush()
    if done:
        await ledger.transfer(
            tx,
            TransferKind.REFUND_PAID,
            refund.id,
            debit=ledger.refunds(channel),
            credit=ledger.channel_receivable(channel),
            amount_fen=amount_fen,
        )
    return refund.number


def statement_of(
    *payments: SamplePayment, day: date = DAY, refunds: tuple[str, ...] = (), merchant: str = "my-ili"
) -> bytes:
    """The channel's side: its file of a day with correct totals; `refunds` are lines."""
    refunded = sum(int(line.split(",")[5]) for line in refunds if line.split(",")[7] == "succeeded")
    text = io.StringIO()
    rows = [f"statement,{merchant},{day}", HEADER, *(payment.line for payment in payments), *refunds]
    text.write("\n".join(rows))
    text.write(f"\ntotal,{len(payments) + len(refunds)},{sum(each.amount_fen for each in payments)},{refunded},0\n")
    return text.getvalue().encode()


async def ingest(database: Database, raw: bytes, source: Counterparty = CHANNEL, day: date = DAY) -> Statement:
    async def pieces() -> AsyncIterator[bytes]:
        yield raw

    async with spooled(pieces()) as file, database.transaction() as tx:
        statement, _ = await statements.take_in(tx, source, Expected(day, "my-ili"), file, "test")
    return statement


async def reconcile(database: Database, settings: Settings, day: date = DAY, source: Counterparty = CHANNEL) -> Run:
    async with database.transaction() as tx:
        run = await reconciliation.request(tx, source, day, "test")
    return await reconciliation.carry_out(database, settings, run.id)
