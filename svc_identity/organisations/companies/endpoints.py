from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from chassis.auth import Caller, allow
from chassis.db import Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_identity.organisations.companies import proposals, queries, schemas
from svc_identity.organisations.operators import require_current
from svc_identity.organisations.representation.endpoints import Proofed
from svc_identity.organisations.role_changes import queries as role_changes
from svc_identity.organisations.role_changes.schemas import RoleChange

router = APIRouter(prefix="/identity/v1", tags=["organisations"])

_ROLES = ("operator", "auditor", "provider_admin", "provider_operator")
Reader = Annotated[Caller, Depends(allow(scope="staff", role=_ROLES))]


@router.get("/provider-organisations")
async def list_provider_organisations(tx: Tx, caller: Reader, page: PageQuery) -> Page[schemas.ProviderOrganisation]:
    """List the organisations of companies that are connected as providers.

    Operators and auditors see all, people of a company their own. A company's exists some seconds after its approval.
    """
    await require_current(tx, caller)
    return await queries.listed(tx, caller, page)


@router.post("/me/organisations/{organisation_id}/provider-admins", status_code=201)
async def propose_provider_admin(
    tx: Tx, caller: Proofed, once: OnceKey, organisation_id: UUID, body: schemas.NewProviderAdmin
) -> RoleChange:
    """Propose an admin of the company that the caller represents, which is connected as a provider.

    An operator approves it within seven days, as other role changes. The person is named by phone number.
    """
    return await once.do(tx, caller, _propose(tx, caller, organisation_id, body))


async def _propose(tx: Tx, caller: Caller, organisation_id: UUID, new: schemas.NewProviderAdmin) -> RoleChange:
    change = await proposals.propose_admin(tx, caller.id, organisation_id, new)
    return await role_changes.shown(tx, change.id, reader=caller.subject, named=False)
