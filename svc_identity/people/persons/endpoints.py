from typing import Annotated

from fastapi import APIRouter, Depends

from chassis.auth import Caller
from chassis.db import Tx
from svc_identity.own_apps import allow_in_own_apps
from svc_identity.people.persons import schemas, service

router = APIRouter(prefix="/identity/v1", tags=["persons"])

Somebody = Annotated[Caller, Depends(allow_in_own_apps(scope="profile"))]


@router.get("/me")
async def get_me(tx: Tx, caller: Somebody) -> schemas.Me:
    """Get the caller's own record, with phone and name masked.

    Each read is logged.
    """
    return await service.own_profile(tx, caller.id)
