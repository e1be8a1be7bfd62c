from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.accounts.bindings import schemas, service
from svc_services.accounts.bindings.attestations import attested
from svc_services.accounts.bindings.dependencies import Attestations, Verifier
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus, Role
from svc_services.accounts.holder_changes.service import carry_out_before
from svc_services.accounts.premises.service import keep_stated
from svc_services.callers import Resident

router = APIRouter(prefix="/services/v1/account-bindings", tags=["account bindings"])


@router.post("", status_code=201, openapi_extra={"x-timeout-seconds": 20, "x-max-body-bytes": 16_384})
async def create_account_binding(
    transactions: Transactions,
    caller: Resident,
    once: OnceKey,
    attestations: Attestations,
    verifier: Verifier,
    body: schemas.NewAccountBinding,
) -> schemas.AccountBinding:
    """Bind a utility account to the caller.

    The provider must confirm that the account is held under the attested name.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
    attestation = await attested(attestations, caller, body.attestation)
    async with transactions.transaction() as tx:
        question = await service.begin(tx, caller.id, attestation, body.provider_id, body.account_number)
    reply = await verifier.ask(question)
    async with transactions.transaction() as tx:
        await carry_out_before(tx, question)
        refusal = await service.settle(tx, question, reply.outcome)
        if refusal is None:
            await keep_stated(tx, question.provider_id, question.account_number, reply.premises)
            return await once.do(tx, caller, service.own_binding(tx, caller.id, question.binding_id))
    raise refusal  # after the commit: a refusal raised within would undo what was learned


@router.get("")
async def list_account_bindings(
    tx: ReadTx,
    caller: Resident,
    page: PageQuery,
    status: Annotated[BindingStatus | None, Query()] = None,
) -> Page[schemas.AccountBinding]:
    """List the bindings by which the caller holds accounts, newest first."""
    query = select(AccountBinding).where(AccountBinding.person_id == caller.id, AccountBinding.role == Role.OWNER)
    if status:
        query = query.where(AccountBinding.status == status)
    return await page_of(tx, query, page, AccountBinding.id, service.shown, newest_first=True)


@router.get("/{binding_id}")
async def get_account_binding(tx: ReadTx, caller: Resident, binding_id: UUID) -> schemas.AccountBinding:
    """Get one of the caller's account bindings."""
    return await service.own_binding(tx, caller.id, binding_id)


@router.delete("/{binding_id}", status_code=204)
async def end_account_binding(tx: Tx, caller: Resident, binding_id: UUID) -> None:
    """End an account binding, so that the caller no longer sees its bills.

    Idempotent: ending it again has no effect.
    """
    await service.end(tx, caller.id, binding_id)
