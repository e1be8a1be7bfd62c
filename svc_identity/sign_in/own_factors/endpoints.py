"""One's own second factors. What changes them needs a fresh sign-in, with the factor that the person has (RFC 9470)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from svc_identity.keys import derive
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.oauth.freshness import require_fresh
from svc_identity.own_apps import allow_in_own_apps
from svc_identity.people.agreements.endpoints import AcceptLanguage
from svc_identity.people.factors.passkeys import RelyingParty
from svc_identity.settings import Settings
from svc_identity.sign_in.own_factors import schemas, service

router = APIRouter(prefix="/identity/v1/me", tags=["persons"])

Somebody = Annotated[Caller, Depends(allow_in_own_apps(scope="profile"))]


async def _fresh(tx: Tx, issuer: TheIssuer, request: Request, caller: Somebody) -> Caller:
    await require_fresh(tx, issuer, request)
    return caller


async def _key(request: Request) -> bytes:
    settings: Settings = request.app.state.settings
    return derive(settings.index_key.get_secret_value(), "factor set-ups")


async def _party(request: Request) -> RelyingParty:
    return RelyingParty.of(request.app.state.settings)


FreshlySignedIn = Annotated[Caller, Depends(_fresh)]
Party = Annotated[RelyingParty, Depends(_party)]
Key = Annotated[bytes, Depends(_key)]


@router.get("/factors")
async def list_own_factors(tx: ReadTx, caller: Somebody) -> schemas.OwnFactors:
    """List one's own second factors, and how many recovery codes are left."""
    return await service.listed(tx, caller.id)


@router.post("/authenticator-apps", status_code=201)
async def begin_authenticator_app(
    tx: Tx, caller: FreshlySignedIn, once: OnceKey, key: Key
) -> schemas.AuthenticatorSetUp:
    """Begin to set up an authenticator app as a second factor (RFC 6238).

    Needs a sign-in within ten minutes, with a second factor where the person has one; else 401 with the challenge of
    RFC 9470.
    """
    return await once.do(tx, caller, service.begin(tx, key, caller))


@router.post("/authenticator-apps/confirm", status_code=201)
async def confirm_authenticator_app(
    tx: Tx, caller: FreshlySignedIn, once: OnceKey, key: Key, body: schemas.AuthenticatorConfirmation
) -> schemas.AddedFactor:
    """Finish with the code that the app shows; the first factor comes with recovery codes."""
    return await once.do(tx, caller, service.confirm(tx, key, caller, body))


@router.post("/passkeys", status_code=201)
async def begin_passkey(
    tx: Tx, caller: FreshlySignedIn, once: OnceKey, key: Key, party: Party, accept_language: AcceptLanguage = ""
) -> schemas.PasskeySetUp:
    """Begin to add a passkey as a second factor (WebAuthn); needs what an authenticator app needs.

    The device calls the account by its masked phone, after the platform's name in the language of the request.
    """
    return await once.do(tx, caller, service.begin_passkey(tx, key, party, caller, accept_language))


@router.post("/passkeys/confirm", status_code=201)
async def confirm_passkey(
    tx: Tx, caller: FreshlySignedIn, once: OnceKey, key: Key, party: Party, body: schemas.PasskeyConfirmation
) -> schemas.AddedFactor:
    """Finish with what the device made; the first factor comes with recovery codes."""
    return await once.do(tx, caller, service.confirm_passkey(tx, key, party, caller, body))


@router.patch("/factors/{factor_id}")
async def rename_own_factor(
    tx: Tx, caller: FreshlySignedIn, factor_id: UUID, body: schemas.FactorChange
) -> schemas.OwnFactor:
    """Rename a second factor."""
    return await service.rename(tx, caller, factor_id, body.name)


@router.delete("/factors/{factor_id}", status_code=204)
async def remove_own_factor(tx: Tx, caller: FreshlySignedIn, factor_id: UUID) -> None:
    """Remove a second factor; with the last one the recovery codes end.

    Who holds a role needs an enrolment code again before another first one.
    """
    await service.remove(tx, caller, factor_id)


@router.post("/recovery-codes", status_code=201)
async def renew_recovery_codes(tx: Tx, caller: FreshlySignedIn, once: OnceKey) -> schemas.RecoveryCodes:
    """Get ten new recovery codes; those before are no longer good."""
    return await once.do(tx, caller, service.renew_recovery_codes(tx, caller))
