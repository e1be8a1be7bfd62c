from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.callers import AUDITOR, OPERATOR, Operator, in_reach
from svc_services.cases.account_clashes import schemas, service
from svc_services.cases.account_clashes.models import AccountClash, ClashStatus
from svc_services.providers.applications.models import Provider

router = APIRouter(prefix="/services/v1/account-clashes", tags=["applications"])
Reader = Annotated[Caller, Depends(allow(scope="staff", role=(OPERATOR, AUDITOR)))]


@router.get("")
async def list_account_clashes(
    tx: ReadTx, caller: Reader, page: PageQuery, status: ClashStatus | None = None
) -> Page[schemas.AccountClash]:
    """List accounts that a company opened for an applicant although somebody else holds them, oldest first."""
    reach = select(Provider.id).where(in_reach(caller, Provider.division_codes))
    query = select(AccountClash).where(AccountClash.provider_id.in_(reach))
    if status:
        query = query.where(AccountClash.status == status)
    return await page_of(tx, query, page, AccountClash.id, service.shown)


@router.post("/{clash_id}/close")
async def close_account_clash(
    tx: Tx, caller: Operator, once: OnceKey, clash_id: UUID, body: schemas.ClosedClash
) -> schemas.AccountClash:
    """Close a clash: bind the account to the applicant once the other binding has ended, or dismiss it."""
    return await once.do(tx, caller, service.close(tx, caller, clash_id, body))
