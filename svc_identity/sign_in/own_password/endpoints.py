"""One's own password: an optional second step after the texted code."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from chassis.db import ReadTx, Transactions
from chassis.idempotency import OnceKey
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.oauth.freshness import require_fresh
from svc_identity.people.agreements.endpoints import AcceptLanguage
from svc_identity.people.passwords.hashing import Hashing
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.sign_in.own_password import schemas, service
from svc_identity.texts import choose_language

router = APIRouter(prefix="/identity/v1/me/password", tags=["persons"])


async def _hashing(request: Request) -> Hashing:
    hashing: Hashing = request.app.state.hashing
    return hashing


TheHashing = Annotated[Hashing, Depends(_hashing)]


@router.get("")
async def get_own_password(tx: ReadTx, caller: Somebody) -> schemas.PasswordState:
    """Get whether the caller has a password, and since when."""
    return await service.state(tx, caller.id)


@router.put("")
async def set_own_password(
    transactions: Transactions,
    caller: Somebody,
    issuer: TheIssuer,
    hashing: TheHashing,
    request: Request,
    body: schemas.PasswordChange,
    accept_language: AcceptLanguage = "",
) -> schemas.PasswordState:
    """Set or change the caller's password.

    Needs a sign-in within ten minutes, with a second factor where the person has one, and the current password where
    one is set. Every other sign-in of the person ends.
    """
    chosen = body.new_password.get_secret_value()
    async with transactions.transaction() as tx:
        await require_fresh(tx, issuer, request)
        await service.require_strong(tx, caller, chosen)
    current = body.current_password.get_secret_value()
    had_one = await service.verify_current(transactions, hashing, caller, current)
    hashed = await hashing.hash(chosen)
    async with transactions.transaction() as tx:
        return await service.replace(tx, caller, hashed, choose_language("", accept_language), had_one=had_one)


@router.post("/remove")
async def remove_own_password(  # noqa: PLR0913, PLR0917 - each is a dependency
    transactions: Transactions,
    caller: Somebody,
    issuer: TheIssuer,
    hashing: TheHashing,
    once: OnceKey,
    request: Request,
    body: schemas.PasswordRemoval,
    accept_language: AcceptLanguage = "",
) -> schemas.PasswordState:
    """Remove the caller's password; it needs what changing it needs."""
    async with transactions.transaction() as tx:
        await require_fresh(tx, issuer, request)
        await once.claim(tx, caller)
    await service.verify_current(transactions, hashing, caller, body.current_password.get_secret_value())
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, service.remove(tx, caller, choose_language("", accept_language)))
