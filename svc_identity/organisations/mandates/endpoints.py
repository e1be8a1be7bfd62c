from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.organisations.mandates import schemas, service
from svc_identity.organisations.mandates.models import Mandate
from svc_identity.organisations.representation.endpoints import Proofed
from svc_identity.people.persons.service import known_person

router = APIRouter(prefix="/identity/v1", tags=["organisations"])


@router.post("/me/organisations/{organisation_id}/mandates", status_code=201)
async def propose_mandate(
    tx: Tx, caller: Proofed, once: OnceKey, organisation_id: UUID, body: schemas.NewMandate
) -> schemas.Mandate:
    """Propose a mandate to an agent, as the organisation's legal representative.

    It takes effect when the agent, proofed under this name, accepts it. Whether the phone is registered is not
    disclosed.
    """
    return await once.do(tx, caller, service.propose(tx, caller.id, organisation_id, body))


@router.get("/me/organisations/{organisation_id}/mandates")
async def list_organisation_mandates(
    tx: Tx, caller: Proofed, page: PageQuery, organisation_id: UUID
) -> Page[schemas.Mandate]:
    """List the mandates of an organisation that the caller represents, newest first."""
    organisation = await service.represented(tx, caller.id, organisation_id)
    query = select(Mandate).where(Mandate.organisation_id == organisation.id)
    return await page_of(tx, query, page, Mandate.id, schemas.Mandate.model_validate, newest_first=True)


@router.get("/me/mandates")
async def list_own_mandates(tx: ReadTx, caller: Proofed, page: PageQuery) -> Page[schemas.Mandate]:
    """List the mandates that the caller has accepted or may accept, newest first."""
    query = select(Mandate).where(service.offered_to(await known_person(tx, caller.id)))
    return await page_of(tx, query, page, Mandate.id, schemas.Mandate.model_validate, newest_first=True)


@router.post("/me/mandates/{mandate_id}/accept")
async def accept_mandate(tx: Tx, caller: Proofed, once: OnceKey, mandate_id: UUID) -> schemas.Mandate:
    """Accept a mandate: the caller acts for the organisation some seconds later."""
    return await once.do(tx, caller, service.accept(tx, caller.id, mandate_id))


@router.post("/me/mandates/{mandate_id}/decline")
async def decline_mandate(tx: Tx, caller: Proofed, once: OnceKey, mandate_id: UUID) -> schemas.Mandate:
    """Decline a mandate."""
    return await once.do(tx, caller, service.decline(tx, caller.id, mandate_id))


@router.post("/me/mandates/{mandate_id}/withdraw")
async def withdraw_mandate(tx: Tx, caller: Proofed, once: OnceKey, mandate_id: UUID) -> schemas.Mandate:
    """Withdraw a mandate, as the organisation's representative or as its agent."""
    return await once.do(tx, caller, service.withdraw(tx, caller.id, mandate_id))
