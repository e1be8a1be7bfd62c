from uuid import UUID

from fastapi import APIRouter, Request

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import TeamMember, TeamMemberOrReviewer
from svc_miniapps.publishing.domains import schemas, service

router = APIRouter(prefix="/miniapps/v1", tags=["domains"])


@router.post("/apps/{app_id}/domains", status_code=201)
async def register_domain(
    request: Request, tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, body: schemas.NewDomain
) -> schemas.AppDomain:
    """Register a server that a mini-app of the caller's team talks to.

    Packages may name it once the proof is found.
    """
    with_loopback: bool = request.app.state.loopback_domains
    work = service.register(tx, caller, app_id, body, with_loopback=with_loopback)
    return await once.do(tx, caller, work)


@router.get("/apps/{app_id}/domains")
async def list_domains(
    tx: ReadTx, caller: TeamMemberOrReviewer, page: PageQuery, app_id: UUID
) -> Page[schemas.AppDomain]:
    """List the servers of a mini-app with the state of their proofs, newest first."""
    return await service.domains_of(tx, caller, app_id, page)


@router.post("/domains/{domain_id}/check")
async def check_domain(tx: Tx, caller: TeamMember, once: OnceKey, domain_id: UUID) -> schemas.AppDomain:
    """Check the proof of a server within seconds; the list shows what was found."""
    return await once.do(tx, caller, service.request_check(tx, caller, domain_id))


@router.post("/domains/{domain_id}/renew")
async def renew_domain_token(tx: Tx, caller: TeamMember, once: OnceKey, domain_id: UUID) -> schemas.AppDomain:
    """Issue a new token for a server whose token has expired or that has left the allow-list."""
    return await once.do(tx, caller, service.renew_token(tx, caller, domain_id))


@router.delete("/domains/{domain_id}", status_code=204)
async def remove_domain(tx: Tx, caller: TeamMember, domain_id: UUID) -> None:
    """Remove a server from the allow-list of a mini-app of the caller's team."""
    await service.remove(tx, caller, domain_id)
