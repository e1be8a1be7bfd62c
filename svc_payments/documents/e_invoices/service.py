"""The life of an e-invoice, each step in the caller's transaction. A payment is locked before its invoice."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.calendar import database_time
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import Payment, PaymentStatus
from svc_payments.documents.e_invoices import schemas
from svc_payments.documents.e_invoices.events import (
    EInvoiceFailed,
    EInvoiceIssued,
    EInvoiceRedLettered,
    EInvoiceRequested,
    event_of,
)
from svc_payments.documents.e_invoices.models import EInvoice, EInvoiceStatus
from svc_payments.documents.e_invoices.provider import Issued

PAYMENT_REFUNDED = "payment_refunded"
_OVER = (EInvoiceStatus.FAILED, EInvoiceStatus.RED_LETTERED)


class EInvoicesNotOffered(Problem):
    """No issuer is set up here."""

    status, code = 409, "e_invoices_not_offered"


class PaymentNotInvoiceable(Problem):
    """The provider has not booked all of it yet, a refund is in progress, or nothing is left of it."""

    status, code = 409, "payment_not_invoiceable"


class EInvoiceExists(Problem):
    """One payment, one invoice; `e_invoice_id` says which."""

    status, code = 409, "e_invoice_exists"


async def request(tx: AsyncSession, person_id: UUID, new: schemas.NewEInvoice) -> schemas.EInvoice:
    """Ask for an invoice of what is left of a completed payment; the worker takes it to the issuer.

    Raises:
        NotFound: it is not this person's payment.
        PaymentNotInvoiceable, EInvoiceExists
    """
    # Locked: no refund and no second request come in between.
    payment = await payments.own_payment(tx, person_id, new.payment_id, locked=True)
    amount_fen = payment.amount_fen - payment.refunded_fen
    if payment.status != PaymentStatus.COMPLETED or payment.refunding_fen or amount_fen == 0:
        raise PaymentNotInvoiceable(payment_status=payment.status)
    if existing := await _in_force(tx, payment.id):
        raise EInvoiceExists(e_invoice_id=str(existing.id))
    invoice = EInvoice(
        id=new_id(),
        payment_id=payment.id,
        person_id=person_id,
        provider_id=payment.provider_id,
        status=EInvoiceStatus.REQUESTED,
        amount_fen=amount_fen,
        refunded_fen=payment.refunded_fen,
        title_kind=new.title.kind,
        title=new.title.name,
        uscc=new.title.code,
        email=new.email,
        tries=0,
        created_at=await database_time(tx),
    )
    tx.add(invoice)
    await emit(tx, event_of(EInvoiceRequested, invoice))
    return schemas.shown(invoice)


async def own(tx: AsyncSession, person_id: UUID, e_invoice_id: UUID) -> schemas.EInvoice:
    """An e-invoice of this person.

    Raises:
        NotFound: there is none, or it belongs to another person.
    """
    found = await tx.scalar(select(EInvoice).where(EInvoice.id == e_invoice_id, EInvoice.person_id == person_id))
    if found is None:
        raise NotFound
    return schemas.shown(found)


async def after_refund(tx: AsyncSession, payment: Payment) -> None:
    """Reverse the invoice of a locked payment if refunds have made it too high.

    One that a worker is sending to the issuer is handled once its outcome is known.
    """
    invoice = await _in_force(tx, payment.id, locked=True)
    if invoice is None or invoice.refunded_fen == payment.refunded_fen:
        return
    if invoice.status == EInvoiceStatus.ISSUED:
        await _begin_reversal(tx, invoice)
    elif invoice.status == EInvoiceStatus.REQUESTED:
        await fail(tx, invoice, PAYMENT_REFUNDED)


async def settle(tx: AsyncSession, invoice: EInvoice, issued: Issued) -> None:
    """The issuer has issued a locked invoice; if a refund happened meanwhile, it is reversed at once."""
    invoice.invoice_number, invoice.document_url = issued.invoice_number, issued.document_url
    invoice.settled_at = await database_time(tx)
    invoice.move_to(EInvoiceStatus.ISSUED)
    await emit(tx, event_of(EInvoiceIssued, invoice))
    refunded_fen = await tx.scalar(select(Payment.refunded_fen).where(Payment.id == invoice.payment_id))
    if refunded_fen != invoice.refunded_fen:
        await _begin_reversal(tx, invoice)


async def fail(tx: AsyncSession, invoice: EInvoice, reason: str) -> None:
    invoice.failure, invoice.settled_at = reason, await database_time(tx)
    invoice.move_to(EInvoiceStatus.FAILED)
    await emit(tx, event_of(EInvoiceFailed, invoice))


async def red_letter(tx: AsyncSession, invoice: EInvoice, red_invoice_number: str) -> None:
    invoice.red_invoice_number, invoice.red_lettered_at = red_invoice_number, await database_time(tx)
    invoice.move_to(EInvoiceStatus.RED_LETTERED)
    await emit(tx, event_of(EInvoiceRedLettered, invoice))


async def _begin_reversal(tx: AsyncSession, invoice: EInvoice) -> None:
    invoice.move_to(EInvoiceStatus.REVERSING)
    invoice.try_at = await database_time(tx)


async def _in_force(tx: AsyncSession, payment_id: UUID, *, locked: bool = False) -> EInvoice | None:
    query = select(EInvoice).where(EInvoice.payment_id == payment_id, EInvoice.status.not_in(_OVER))
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await tx.scalar(query)
