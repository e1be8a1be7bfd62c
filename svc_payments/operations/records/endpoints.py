from uuid import UUID

from fastapi import APIRouter

from chassis.db import Tx
from svc_payments.operations.records import schemas, service
from svc_payments.operations.search.endpoints import Checker

router = APIRouter(prefix="/payments/v1", tags=["search"])


# A GET with a transaction that writes: each lookup is audited.
@router.get("/payment-records/{payment_id}")
async def get_payment_record(tx: Tx, caller: Checker, payment_id: UUID) -> schemas.PaymentRecord:
    """Get everything on record about a payment.

    Its order, postings, refunds, ledger entries, reconciliation findings and discrepancies.
    """
    return await service.look_at(tx, caller, payment_id)


@router.get("/bill-records/{bill_id}")
async def get_bill_record(tx: Tx, caller: Checker, bill_id: UUID) -> schemas.BillRecord:
    """Get a bill and the payments that concern it, by its number or its account's."""
    return await service.look_at_bill(tx, caller, bill_id)
