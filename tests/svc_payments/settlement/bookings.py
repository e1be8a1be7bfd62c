"""Backdated bookings: as if they had been made on a day that is over."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, new_id
from kit.calendar import today
from svc_payments.collection.payments.models import Attempt, Payment, PaymentStatus
from svc_payments.collection.postings.models import Posting, PostingStatus
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import Entry, Transfer, TransferKind
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.billing.bills.factories import a_bill
from tests.svc_payments.reconciliation.runs.books import SamplePayment, sample_payment

DAY = today() - timedelta(days=2)
NOON = time(12)


async def add_transfer(
    tx: AsyncSession, kind: TransferKind, reference_id: UUID, legs: dict[ledger.AccountName, int], at: datetime
) -> None:
    """A transfer with this timestamp."""
    accounts = await ledger._accounts(tx, *legs)  # noqa: SLF001 - what `transfer_legs` does, but for the time
    transfer = Transfer(kind=kind, reference_id=reference_id, created_at=at)
    tx.add(transfer)
    await tx.flush()
    entries = [{"transfer_id": transfer.id, "account_id": accounts[to], "amount_fen": fen} for to, fen in legs.items()]
    await tx.execute(insert(Entry).values(entries))


async def add_booked_payment(
    tx: AsyncSession, provider_id: UUID, *amounts_fen: int, day: date = DAY, at: time = NOON
) -> tuple[SamplePayment, list[UUID]]:
    """A sandbox payment with one booked posting per amount; returns it and the ids of its postings."""
    known = sample_payment(sum(amounts_fen), day=day, at=at)
    payment = Payment(
        id=new_id(),
        person_id=new_id(),
        provider_id=provider_id,
        channel=ChannelName.SANDBOX,
        amount_fen=known.amount_fen,
        status=PaymentStatus.COMPLETED,
        held=False,
        expires_at=known.at + timedelta(minutes=30),
        captured_at=known.at,
        lines=[],
        attempt=Attempt(
            id=new_id(),
            channel=ChannelName.SANDBOX,
            order_number=known.order_number,
            transaction_id=known.transaction_id,
            paid_at=known.at,
            asked=0,
        ),
    )
    tx.add(payment)
    await tx.flush()
    clearing, payable = ledger.person_clearing(payment.person_id), ledger.provider_payable(provider_id)
    captured = {ledger.channel_receivable("sandbox"): known.amount_fen, clearing: -known.amount_fen}
    await add_transfer(tx, TransferKind.PAYMENT_CAPTURED, payment.id, captured, known.at)
    postings = []
    for amount_fen in amounts_fen:
        posting = await _posting(tx, payment, amount_fen, known.at)
        await add_transfer(
            tx, TransferKind.BILL_BOOKED, posting, {clearing: amount_fen, payable: -amount_fen}, known.at
        )
        postings.append(posting)
    return known, postings


async def _posting(tx: AsyncSession, payment: Payment, amount_fen: int, at: datetime) -> UUID:
    bill = a_bill(payment.provider_id, amount_fen=amount_fen)
    tx.add(bill)
    await tx.flush()
    posting = Posting(
        id=new_id(),
        payment_id=payment.id,
        bill_id=bill.id,
        provider_id=payment.provider_id,
        receipt_number=f"{at:%Y%m%d}{bill.id.int % 10**10:010}",
        bill_number=bill.bill_number,
        account_number=bill.account_number,
        amount_fen=amount_fen,
        paid_at=at,
        status=PostingStatus.BOOKED,
        settled_at=at,
        provider_reference=f"R-{bill.bill_number}",
    )
    tx.add(posting)
    await tx.flush()
    return posting.id


async def reverse_booking(tx: AsyncSession, posting_id: UUID, day: date = DAY) -> None:
    posting = await tx.get_one(Posting, posting_id)
    payment = await tx.get_one(Payment, posting.payment_id)
    clearing, payable = ledger.person_clearing(payment.person_id), ledger.provider_payable(payment.provider_id)
    legs = {payable: posting.amount_fen, clearing: -posting.amount_fen}
    await add_transfer(tx, TransferKind.BOOKING_REVERSED, posting.id, legs, datetime.combine(day, time(13), CHINA))
