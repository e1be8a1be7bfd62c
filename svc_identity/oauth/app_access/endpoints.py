from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.oauth.app_access import schemas, service
from svc_identity.oauth.app_access.models import AppAccess
from svc_identity.people.persons.endpoints import Somebody

router = APIRouter(prefix="/identity/v1/me/apps", tags=["my data"])


@router.get("")
async def list_my_apps(tx: ReadTx, caller: Somebody, page: PageQuery) -> Page[schemas.AppAccess]:
    """List what the caller has allowed to apps by signing in there, newest first."""
    query = select(AppAccess).where(AppAccess.person_id == caller.id)
    return await page_of(tx, query, page, AppAccess.id, service.show, newest_first=True)


@router.post("/{access_id}/withdraw")
async def withdraw_app_access(tx: Tx, caller: Somebody, once: OnceKey, access_id: UUID) -> schemas.AppAccessWithdrawal:
    """Withdraw what an app is allowed, and end its sign-ins.

    Its refresh tokens end at once; its access tokens end at introspection at once, and elsewhere within ten minutes.
    """
    return await once.do(tx, caller, service.withdraw(tx, caller.id, access_id))
