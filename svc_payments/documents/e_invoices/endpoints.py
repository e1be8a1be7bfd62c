from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_payments.documents.e_invoices import schemas, service
from svc_payments.documents.e_invoices.models import EInvoice
from svc_payments.parties.callers import PayingResident
from svc_payments.settings import TheSettings

router = APIRouter(prefix="/payments/v1", tags=["e-invoices"])


@router.post("/e-invoices", status_code=201)
async def request_e_invoice(
    tx: Tx, caller: PayingResident, once: OnceKey, settings: TheSettings, body: schemas.NewEInvoice
) -> schemas.EInvoice:
    """Request the e-invoice of a payment that its provider has booked.

    It is made out to a person or an organisation.
    """
    if settings.invoices_url is None:
        raise service.EInvoicesNotOffered
    return await once.do(tx, caller, service.request(tx, caller.id, body))


@router.get("/e-invoices")
async def list_e_invoices(
    tx: ReadTx, caller: PayingResident, page: PageQuery, payment_id: UUID | None = None
) -> Page[schemas.EInvoice]:
    """List the caller's e-invoices, newest first, optionally of one payment."""
    own = select(EInvoice).where(EInvoice.person_id == caller.id)
    if payment_id:
        own = own.where(EInvoice.payment_id == payment_id)
    return await page_of(tx, own, page, EInvoice.id, schemas.shown, newest_first=True)


@router.get("/e-invoices/{e_invoice_id}")
async def get_e_invoice(tx: ReadTx, caller: PayingResident, e_invoice_id: UUID) -> schemas.EInvoice:
    """Get one of the caller's e-invoices.

    Poll until it is issued.
    """
    return await service.own(tx, caller.id, e_invoice_id)
