from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.auth import Caller
from chassis.db import Tx
from chassis.idempotency import OnceKey
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.own_apps import allow_in_own_apps
from svc_identity.privacy.attestations import schemas, service

router = APIRouter(prefix="/identity/v1", tags=["persons"])

Resident = Annotated[Caller, Depends(allow_in_own_apps(scope="accounts", assurance_level=2))]


@router.post("/me/attestations", status_code=201)
async def create_attestation(
    tx: Tx,
    caller: Resident,
    issuer: TheIssuer,
    once: OnceKey,
    body: schemas.NewAttestation,
    response: Response,
) -> schemas.Attestation:
    """Issue a signed statement of the caller's name.

    svc_services takes it as proof when the caller binds a utility account.
    """
    response.headers["Cache-Control"] = "no-store"
    return await once.do(tx, caller, service.attest(tx, issuer.signer, caller, body))
