from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx
from svc_payments.payments import service as payments
from svc_payments.payments.endpoints import Resident
from svc_payments.receipts import schemas, service

router = APIRouter(prefix="/payments/v1", tags=["receipts"])


@router.get("/payments/{payment_id}/receipt")
async def get_receipt(tx: ReadTx, caller: Resident, payment_id: UUID) -> schemas.Receipt:
    """The receipt of a payment, from the moment its money is here."""
    return await service.receipt_of(tx, await payments.own_payment(tx, caller.id, payment_id))
