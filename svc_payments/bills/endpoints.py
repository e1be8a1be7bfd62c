from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.auth import Caller, allow
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from svc_payments.access import PersonOrClient
from svc_payments.bills import schemas, service

router = APIRouter(prefix="/payments/v1", tags=["bills"])


# A resident reads the bills of their accounts, a provider its own.
Reader = Annotated[Caller, Depends(PersonOrClient(person=allow(assurance_level=2), client=allow(scope="bills:write")))]
AccountNumber = Annotated[str | None, Query(pattern="^[0-9]{10}$")]
BillNumber = Annotated[str | None, Query(pattern="^[A-Za-z0-9-]{1,32}$", description="The provider's own number.")]
Withdrawn = Annotated[bool, Query(description="Those that are void, expired or superseded, and only those.")]


@router.get("/bills")
async def list_bills(
    tx: ReadTx,
    caller: Reader,
    page: PageQuery,
    status: schemas.PayingStatus | None = None,
    account_number: AccountNumber = None,
    bill_number: BillNumber = None,
    withdrawn: Withdrawn = False,  # noqa: FBT002 - a query parameter
) -> Page[schemas.Bill]:
    """A resident's bills, newest first; a provider's, in the order of their numbers."""
    wanted = service.Wanted(status, account_number, bill_number, withdrawn)
    return await service.list_bills(tx, caller, wanted, page)


@router.get("/bills/{bill_id}")
async def get_bill(tx: ReadTx, caller: Reader, bill_id: UUID) -> schemas.ExplainedBill:
    """One bill, and how its amount follows from the provider's tariff."""
    return await service.get_bill(tx, caller, bill_id)
