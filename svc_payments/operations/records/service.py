"""A payment with everything that hangs on it, in one look; the look is kept."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound
from kit.calendar import database_time
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.bills.service import show_bills
from svc_payments.collection.data_reads import service as data_reads
from svc_payments.collection.payments.models import Payment, PaymentLine
from svc_payments.collection.payments.schemas import PaymentLine as ShownLine
from svc_payments.collection.postings import schemas as posting_schemas
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.receipts.models import Receipt
from svc_payments.collection.refunds.models import Refund, SecondTransaction
from svc_payments.documents.e_invoices.models import EInvoice
from svc_payments.ledger.models import Entry, Transfer
from svc_payments.operations.dashboard.overdue import WATCHED, deadline_of
from svc_payments.operations.records import schemas
from svc_payments.operations.records.schemas import fields_of
from svc_payments.operations.search.service import CHECKERS
from svc_payments.oversight.incidents import schemas as incidents
from svc_payments.oversight.incidents.models import Incident, IncidentKind
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.reconciliation.discrepancies import schemas as discrepancy_schemas
from svc_payments.reconciliation.discrepancies.models import Discrepancy
from svc_payments.tills.models import TillPayment


async def look_at(tx: AsyncSession, caller: Caller, payment_id: UUID) -> schemas.PaymentRecord:
    """Everything on record about a payment. The read is audited.

    Raises:
        NotFound: there is no such payment.
    """
    payment = await tx.get(Payment, payment_id)
    if payment is None:
        raise NotFound
    of, data = [payment.person_id], [data_reads.PAYMENTS, data_reads.BILLS, data_reads.REFUNDS]
    await data_reads.record_read(tx, caller, "look_at_payment", payment.id, of=of, data=data, roles=CHECKERS)
    postings = (await tx.scalars(select(Posting).where(Posting.payment_id == payment.id).order_by(Posting.id))).all()
    refunds = (await tx.scalars(select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.id))).all()
    seconds = await tx.scalars(select(SecondTransaction.id).where(SecondTransaction.payment_id == payment.id))
    # What others refer to it by: its own id, or that of something that is part of it.
    ids = [payment.id, *(posting.id for posting in postings), *(refund.id for refund in refunds), *seconds]
    of_these = select(Discrepancy).where(Discrepancy.reference_id.in_(ids)).order_by(Discrepancy.id)
    discrepancies, moment = (await tx.scalars(of_these)).all(), await database_time(tx)
    till_session = select(TillPayment.till_session_id).where(TillPayment.payment_id == payment.id)
    return schemas.PaymentRecord(
        **fields_of(
            payment,
            schemas.PaymentRecord,
            payment_id=payment.id,
            deadline=deadline_of(payment) if payment.status in WATCHED else None,
            # What a prepaid meter was given is for the payer alone.
            bills=[ShownLine(**fields_of(line, ShownLine, prepaid=None)) for line in payment.lines],
            order=schemas.Order(**fields_of(payment.attempt, schemas.Order)) if payment.attempt else None,
            receipt_number=await tx.scalar(select(Receipt.number).where(Receipt.payment_id == payment.id)),
            till_session_id=await tx.scalar(till_session),
            postings=[posting_schemas.shown(posting) for posting in postings],
            refunds=[_refund(refund) for refund in refunds],
            e_invoices=await _e_invoices(tx, payment.id),
            movements=await _movements(tx, [*ids, *(discrepancy.id for discrepancy in discrepancies)]),
            incidents=await _incidents(tx, ids),
            cases=[discrepancy_schemas.shown(discrepancy, moment) for discrepancy in discrepancies],
        )
    )


def _refund(refund: Refund) -> schemas.RefundRecord:
    return schemas.RefundRecord(**fields_of(refund, schemas.RefundRecord, refund_id=refund.id))


async def _e_invoices(tx: AsyncSession, payment_id: UUID) -> list[schemas.EInvoiceRecord]:
    invoices = await tx.scalars(select(EInvoice).where(EInvoice.payment_id == payment_id).order_by(EInvoice.id))
    return [
        schemas.EInvoiceRecord(**fields_of(invoice, schemas.EInvoiceRecord, e_invoice_id=invoice.id))
        for invoice in invoices
    ]


async def look_at_bill(tx: AsyncSession, caller: Caller, bill_id: UUID) -> schemas.BillRecord:
    """A bill and its payments. The read is audited.

    Raises:
        NotFound: there is no such bill.
    """
    bill = await tx.scalar(select(Bill).where(Bill.id == bill_id))
    if bill is None:
        raise NotFound
    of, data = await data_reads.holders(tx, bill.provider_id, bill.account_number), [data_reads.BILLS]
    await data_reads.record_read(tx, caller, "look_at_bill", bill.id, of=of, data=data, roles=CHECKERS)
    (shown,) = await show_bills(tx, [bill])
    # By indexes that are there: of lines that hold a bill, and of the payments of a person.
    bound = select(AccountBinding.person_id).where(
        AccountBinding.provider_id == bill.provider_id, AccountBinding.account_number == bill.account_number
    )
    of_bound = select(Payment.id).where(Payment.person_id.in_(bound))
    lines = await tx.execute(
        select(PaymentLine, Payment)
        .join(Payment, Payment.id == PaymentLine.payment_id)
        .where(
            PaymentLine.bill_id == bill.id,
            or_(PaymentLine.released_at.is_(None), PaymentLine.payment_id.in_(of_bound)),
        )
        .order_by(Payment.id.desc())
    )
    payments = [
        schemas.PaymentOfBill(
            payment_id=payment.id,
            status=payment.status,
            channel=payment.channel,
            amount_fen=line.amount_fen,
            refunded_fen=line.refunded_fen,
            created_at=payment.created_at,
        )
        for line, payment in lines
    ]
    return schemas.BillRecord(bill=shown, payments=payments)


async def _movements(tx: AsyncSession, references: Sequence[UUID]) -> list[schemas.Movement]:
    moved = (
        select(Transfer, func.sum(func.greatest(Entry.amount_fen, 0)), func.min(Entry.position))
        .join(Entry, Entry.transfer_id == Transfer.id)
        .where(Transfer.reference_id.in_(references))
        .group_by(Transfer.id)
        .order_by(func.min(Entry.position))
    )
    return [
        schemas.Movement(**fields_of(transfer, schemas.Movement, transfer_id=transfer.id, amount_fen=int(amount_fen)))
        for transfer, amount_fen, _ in await tx.execute(moved)
    ]


async def _incidents(tx: AsyncSession, subjects: Sequence[UUID]) -> list[incidents.Incident]:
    # The index begins with the kind.
    found = select(Incident).where(Incident.kind.in_(list(IncidentKind)), Incident.subject.in_(map(str, subjects)))
    return [incidents.shown(incident) for incident in await tx.scalars(found.order_by(Incident.id))]
