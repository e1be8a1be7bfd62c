from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.own_apps import allow_in_own_apps
from svc_identity.people.families import schemas, service
from svc_identity.people.families.models import FamilyAccount
from svc_identity.people.persons.service import known_person

router = APIRouter(prefix="/identity/v1/me/family-accounts", tags=["families"])

Proofed = Annotated[Caller, Depends(allow_in_own_apps(scope="profile", assurance_level=2))]


@router.post("", status_code=201)
async def propose_family_account(
    tx: Tx, caller: Proofed, once: OnceKey, body: schemas.NewFamilyAccount
) -> schemas.FamilyAccount:
    """Propose a family account to a relative, who then helps the caller.

    It takes effect when the relative, proofed under this name, accepts it. Whether the phone is registered is not
    disclosed. Both are told by SMS.
    """
    return await once.do(tx, caller, service.propose(tx, caller.id, body))


@router.get("")
async def list_family_accounts(tx: ReadTx, caller: Proofed, page: PageQuery) -> Page[schemas.FamilyAccount]:
    """List the family accounts in which the caller is helped, helps or may help, newest first."""
    query = select(FamilyAccount).where(service.of_person(await known_person(tx, caller.id)))
    return await page_of(tx, query, page, FamilyAccount.id, partial(_shown, caller.id), newest_first=True)


@router.post("/{family_account_id}/accept")
async def accept_family_account(
    tx: Tx, caller: Proofed, once: OnceKey, family_account_id: UUID
) -> schemas.FamilyAccount:
    """Accept a family account: the caller may now exchange their token for one that acts for the other person."""
    return await once.do(tx, caller, service.accept(tx, caller.id, family_account_id))


@router.post("/{family_account_id}/decline")
async def decline_family_account(
    tx: Tx, caller: Proofed, once: OnceKey, family_account_id: UUID
) -> schemas.FamilyAccount:
    """Decline a family account."""
    return await once.do(tx, caller, service.decline(tx, caller.id, family_account_id))


@router.post("/{family_account_id}/withdraw")
async def withdraw_family_account(
    tx: Tx, caller: Proofed, once: OnceKey, family_account_id: UUID
) -> schemas.FamilyAccount:
    """Withdraw a family account, as the helped person or as the helper.

    The helper's tokens are refused within five seconds.
    """
    return await once.do(tx, caller, service.withdraw(tx, caller.id, family_account_id))


def _shown(person_id: UUID, account: FamilyAccount) -> schemas.FamilyAccount:
    return schemas.FamilyAccount.model_validate(service.shown_to(person_id, account))
