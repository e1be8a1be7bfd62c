from uuid import UUID

from fastapi import APIRouter

from chassis.db import Tx
from svc_payments.operations.records import schemas, service
from svc_payments.operations.search.endpoints import Checker

router = APIRouter(prefix="/payments/v1", tags=["search"])


# A GET with a transaction that writes: each lookup is audited.
@router.get("/payment-records/{payment_id}")
async def get_payment_record(tx: Tx, caller: Checker, payment_id: UUID) -> schemas.PaymentRecord:
    """Everything of a payment: its order, bookings, refunds, movements in the ledger, findings and cases."""
    return await service.look_at(tx, caller, payment_id)


@router.get("/bill-records/{bill_id}")
async def get_bill_record(tx: Tx, caller: Checker, bill_id: UUID) -> schemas.BillRecord:
    """Show a bill and its payments to staff who have its number or its account's."""
    return await service.look_at_bill(tx, caller, bill_id)
