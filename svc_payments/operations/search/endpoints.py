from typing import Annotated

from fastapi import APIRouter, Depends, Query

from chassis.auth import Caller
from chassis.db import Tx
from kit.staff.reach import allow_of_whole
from svc_payments.operations.search import schemas, service

router = APIRouter(prefix="/payments/v1", tags=["search"])

Checker = Annotated[Caller, Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))]
Number = Annotated[str, Query(min_length=4, max_length=64, pattern=r"^[!-~]+$")]


# A GET with a transaction that writes: each lookup is audited.
@router.get("/search")
async def search(tx: Tx, caller: Checker, number: Number) -> schemas.Hits:
    """Find records by a number that a person has in hand.

    Of a payment, its order, the channel's transaction, a receipt or its code, a card slip, a bill, an account, a
    posting, a refund, an e-invoice, a deduction contract, a settlement, a transfer file, a discrepancy, a till
    session, a bank's slip, a line of a statement; or any id. The lookup is recorded in the audit trail.
    """
    return await service.search(tx, caller, number)
