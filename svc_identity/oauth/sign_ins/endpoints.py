from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.oauth.models import TokenFamily
from svc_identity.oauth.sign_ins import schemas, service
from svc_identity.people.persons.endpoints import Somebody

router = APIRouter(prefix="/identity/v1/sign-ins", tags=["my data"])


@router.get("")
async def list_my_sign_ins(tx: ReadTx, caller: Somebody, page: PageQuery) -> Page[schemas.SignIn]:
    """List where the caller is signed in: app, device, since when and last used; newest first."""
    query = service.lasting(caller.id)
    return await page_of(
        tx, query, page, TokenFamily.id, lambda family: service.shown(family, caller), newest_first=True
    )


@router.delete("/{sign_in_id}", status_code=204)
async def end_my_sign_in(tx: Tx, caller: Somebody, sign_in_id: UUID) -> None:
    """End one sign-in of the caller; its tokens are refused everywhere within five seconds. Idempotent."""
    await service.end_one(tx, caller, sign_in_id)


@router.delete("", status_code=204)
async def end_my_sign_ins(tx: Tx, caller: Somebody, *, keep_current: bool) -> None:
    """End the caller's sign-ins everywhere.

    With `keep_current=true` the one of this request stays. The tokens of the others are refused everywhere within five
    seconds.
    """
    await service.end_several(tx, caller, keep_current=keep_current)
