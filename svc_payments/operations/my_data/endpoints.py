from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import ReadTx
from kit.my_data import TICKET_RULE, MyData, PersonOfTicket, records
from svc_payments.billing.app_orders.models import AppOrder
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.bills.queries import visible_to
from svc_payments.billing.reminders.models import Reminder
from svc_payments.collection.mandates.models import Mandate
from svc_payments.collection.payments.models import Payment, PaymentLine
from svc_payments.collection.receipts.models import Receipt
from svc_payments.collection.refunds.models import Refund
from svc_payments.collection.top_ups.models import TopUpValidation
from svc_payments.documents.e_invoices.models import EInvoice
from svc_payments.parties.accounts.models import AccountBinding

router = APIRouter(prefix="/payments/v1", tags=["payments"])


@router.get("/my-data", dependencies=[TICKET_RULE])
async def get_my_data(tx: ReadTx, person_id: PersonOfTicket) -> MyData:
    """Get what svc_payments holds of the person of a ticket; the gateway puts it into the file."""
    return MyData(service="payments", kinds=await _kinds(tx, person_id))


async def _kinds(tx: AsyncSession, person_id: UUID) -> dict[str, list[dict[str, Any]]]:
    by_person: tuple[Any, ...] = (*(Payment, AppOrder, Mandate, Reminder, EInvoice, TopUpValidation, AccountBinding),)
    kinds = {model.__tablename__: await records(tx, model, model.person_id == person_id) for model in by_person}
    paid = select(Payment.id).where(Payment.person_id == person_id)
    for model in (PaymentLine, Receipt, Refund):
        kinds[model.__tablename__] = await records(tx, model, model.payment_id.in_(paid))
    kinds["bills"] = await records(tx, Bill, visible_to(person_id))
    return kinds
