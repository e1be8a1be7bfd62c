from fastapi import APIRouter

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from svc_payments.billing.dues import schemas, service
from svc_payments.parties.callers import BilledResidentOrRelative

router = APIRouter(prefix="/payments/v1", tags=["bills"])


@router.get("/accounts")
async def list_own_accounts(tx: ReadTx, caller: BilledResidentOrRelative, page: PageQuery) -> Page[schemas.AccountDue]:
    """List the accounts of a resident with what is due on each, newest first."""
    return await service.accounts_of(tx, caller.id, page)
