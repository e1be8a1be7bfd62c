from datetime import timedelta

from fastapi import APIRouter, Request

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.oauth.freshness import require_fresh
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.privacy.closures import schemas, service

router = APIRouter(prefix="/identity/v1/me/closure", tags=["my data"])


@router.post("", status_code=201)
async def request_closure(
    tx: Tx, caller: Somebody, issuer: TheIssuer, once: OnceKey, request: Request
) -> schemas.Closure:
    """Ask to close one's account, after a sign-in of the last ten minutes.

    It takes effect at `closes_at`, and until then it can be cancelled. Then name, phone and ID number are erased, every
    sign-in ends, and all services erase what the law does not make them keep; `kept` names that. Roles, payments
    under way and a suspension stand against it: 409 `closure_blocked` with `obstacles`.
    """
    await require_fresh(tx, issuer, request)
    cooling_off = timedelta(days=request.app.state.settings.closure_days)
    return await once.do(tx, caller, service.request(tx, caller.id, cooling_off))


@router.get("")
async def get_closure(tx: ReadTx, caller: Somebody) -> schemas.Closure:
    """Get the closure that the caller has asked for."""
    return await service.current(tx, caller.id)


@router.post("/cancel")
async def cancel_closure(tx: Tx, caller: Somebody, once: OnceKey) -> schemas.Closure:
    """Cancel the closure of one's account."""
    return await once.do(tx, caller, service.cancel(tx, caller.id))
