from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import Problem
from svc_services.accounts.bindings.attestations import attested
from svc_services.accounts.bindings.dependencies import Attestations
from svc_services.accounts.bindings.models import AccountBinding, Role
from svc_services.accounts.invitations import queries, schemas, service
from svc_services.accounts.invitations.models import AccountInvitation
from svc_services.callers import Resident

router = APIRouter(prefix="/services/v1", tags=["account bindings"])
_OF_BINDING = "/account-bindings/{binding_id}"


@router.post(f"{_OF_BINDING}/invitations", status_code=201)
async def create_account_invitation(
    tx: Tx, caller: Resident, once: OnceKey, binding_id: UUID, body: schemas.NewAccountInvitation
) -> schemas.CreatedAccountInvitation:
    """Create an invitation to the caller's account for a family member or a tenant.

    The answer has the code for the invited person. It is valid for three days and for somebody who has proved this
    name.
    """
    return await once.do(tx, caller, service.invite(tx, caller.id, binding_id, body))


@router.get(f"{_OF_BINDING}/invitations")
async def list_account_invitations(
    tx: ReadTx, caller: Resident, page: PageQuery, binding_id: UUID
) -> Page[schemas.AccountInvitation]:
    """List the invitations to the caller's account, newest first."""
    await service.require_owner(tx, caller.id, binding_id)
    query = select(AccountInvitation).where(AccountInvitation.binding_id == binding_id)
    return await page_of(tx, query, page, AccountInvitation.id, service.shown, newest_first=True)


@router.post(f"{_OF_BINDING}/invitations/{{invitation_id}}/withdraw")
async def withdraw_account_invitation(
    tx: Tx, caller: Resident, once: OnceKey, binding_id: UUID, invitation_id: UUID
) -> schemas.AccountInvitation:
    """Withdraw an invitation before it is accepted."""
    return await once.do(tx, caller, service.withdraw(tx, caller.id, binding_id, invitation_id))


@router.post("/account-invitations/accept", status_code=201, openapi_extra={"x-max-body-bytes": 16_384})
async def accept_account_invitation(
    transactions: Transactions,
    caller: Resident,
    once: OnceKey,
    attestations: Attestations,
    body: schemas.InvitationCode,
) -> schemas.AccountAccess:
    """Accept an invitation by its code.

    The caller's attested name must be the one that the owner invited.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
    attestation = await attested(attestations, caller, body.attestation)
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        outcome = await service.accept(tx, caller.id, attestation, body.code)
        if not isinstance(outcome, Problem):
            return await once.do(tx, caller, _shown(outcome))
    raise outcome  # after the commit: a refusal raised within would undo the count of tries


async def _shown(access: AccountBinding) -> schemas.AccountAccess:
    return queries.shown_access(access)


@router.get("/account-accesses")
async def list_account_accesses(tx: ReadTx, caller: Resident, page: PageQuery) -> Page[schemas.AccountAccess]:
    """List the caller's access to accounts of others, newest first."""
    query = select(AccountBinding).where(AccountBinding.person_id == caller.id, AccountBinding.role != Role.OWNER)
    return await page_of(tx, query, page, AccountBinding.id, queries.shown_access, newest_first=True)


@router.get("/account-accesses/{access_id}")
async def get_account_access(tx: ReadTx, caller: Resident, access_id: UUID) -> schemas.AccountAccess:
    """Get one of the caller's accesses to accounts of others."""
    return queries.shown_access(await queries.own_access(tx, caller.id, access_id))


@router.delete("/account-accesses/{access_id}", status_code=204)
async def end_account_access(tx: Tx, caller: Resident, access_id: UUID) -> None:
    """End the caller's own access to an account.

    Idempotent: ending it again has no effect.
    """
    await service.leave(tx, caller.id, access_id)


@router.get(f"{_OF_BINDING}/members")
async def list_account_members(tx: ReadTx, caller: Resident, binding_id: UUID) -> schemas.AccountMembers:
    """List who has access to the caller's account by invitation."""
    await service.require_owner(tx, caller.id, binding_id)
    return await queries.members_of(tx, binding_id)


@router.delete(f"{_OF_BINDING}/members/{{member_id}}", status_code=204)
async def end_account_member(tx: Tx, caller: Resident, binding_id: UUID, member_id: UUID) -> None:
    """End an invited person's access at once.

    Idempotent: ending it again has no effect.
    """
    await service.withdraw_access(tx, caller.id, binding_id, member_id)
