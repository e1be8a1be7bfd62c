from typing import Annotated

from fastapi import APIRouter, Depends, Query

from chassis.auth import Caller, allow
from chassis.db import Tx
from svc_payments.search import schemas, service

router = APIRouter(prefix="/payments/v1", tags=["search"])

Checker = Annotated[Caller, Depends(allow(role=("operator", "auditor")))]
Number = Annotated[str, Query(min_length=4, max_length=64, pattern=r"^[!-~]+$")]


# A transaction that writes, although it is a GET: that somebody looked is kept.
@router.get("/search")
async def search(tx: Tx, caller: Checker, number: Number) -> schemas.Hits:
    """What a number leads to that a person has in hand: of a receipt, an order, a bill, an account, or any id."""
    return await service.search(tx, caller, number)
