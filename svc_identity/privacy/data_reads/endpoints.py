from uuid import UUID

from fastapi import APIRouter, Depends

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from kit.staff.reach import allow_of_whole
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.privacy.data_reads import queries, schemas

router = APIRouter(prefix="/identity/v1", tags=["my data"])


@router.get("/me/data-reads")
async def list_reads_of_my_data(tx: ReadTx, caller: Somebody, page: PageQuery) -> Page[schemas.DataRead]:
    """List who has read the caller's data in all services, newest first.

    It names role and organisation, or the app, and why; not the name of the reader, whom an auditor finds by `read_id`.
    """
    return await queries.reads_of(tx, caller.id, page)


@router.get("/data-reads/{read_id}", dependencies=[Depends(allow_of_whole(scope="staff", role="auditor"))])
async def resolve_data_read(tx: ReadTx, read_id: UUID) -> schemas.ResolvedDataRead:
    """Find who read a person's data, from the reference that the person has."""
    return await queries.resolve(tx, read_id)
