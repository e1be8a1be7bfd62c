from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from chassis.auth import Caller, allow
from chassis.db import Transactions, Tx
from chassis.idempotency import OnceKey
from svc_services.accounts.bindings.attestations import attested
from svc_services.accounts.bindings.dependencies import Attestations, Verifier
from svc_services.accounts.bindings.schemas import AccountBinding
from svc_services.accounts.bindings.service import own_binding
from svc_services.accounts.premises.service import keep_stated
from svc_services.accounts.proofs import schemas, service
from svc_services.callers import Resident

router = APIRouter(prefix="/services/v1", tags=["account bindings"])
ProviderSystem = Annotated[Caller, Depends(allow(scope="accounts:write"))]


@router.post(
    "/account-bindings/{binding_id}/verify", openapi_extra={"x-timeout-seconds": 20, "x-max-body-bytes": 16_384}
)
async def verify_account_binding(
    transactions: Transactions,
    caller: Resident,
    once: OnceKey,
    attestations: Attestations,
    verifier: Verifier,
    binding_id: UUID,
    body: schemas.NewAccountProof,
) -> AccountBinding:
    """Verify anew that the caller holds the account.

    The provider must confirm the attested name, as for a new binding. A refusal ends nothing before `prove_by`.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
    attestation = await attested(attestations, caller, body.attestation)
    async with transactions.transaction() as tx:
        question = await service.begin(tx, caller.id, binding_id, attestation)
    reply = await verifier.ask(question)
    async with transactions.transaction() as tx:
        refusal = await service.settle(tx, question, reply.outcome)
        if refusal is None:
            await keep_stated(tx, question.provider_id, question.account_number, reply.premises)
            return await once.do(tx, caller, own_binding(tx, caller.id, binding_id))
    raise refusal


@router.post("/account-proof-requests", status_code=201)
async def request_account_proof(
    tx: Tx, caller: ProviderSystem, once: OnceKey, body: schemas.NewAccountProofRequest
) -> schemas.AccountProofRequest:
    """Request that whoever has bound an account of the provider is verified anew within thirty days.

    The answer is the same whether the account is bound or not.
    """
    return await once.do(tx, caller, service.ask(tx, caller.id, body.account_number))
