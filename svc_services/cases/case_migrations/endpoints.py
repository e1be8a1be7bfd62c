from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.staff.reach import allow_of_whole
from svc_services.callers import AUDITOR, OPERATOR
from svc_services.cases.case_migrations import moves, schemas, service
from svc_services.cases.case_migrations.models import CaseMigration, MigrationStatus

router = APIRouter(prefix="/services/v1/case-migrations", tags=["workflows"])
Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role=OPERATOR))]
Reader = Annotated[Caller, Depends(allow(scope="staff", role=(OPERATOR, AUDITOR)))]


@router.post("", status_code=201)
async def propose_case_migration(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewCaseMigration
) -> schemas.CaseMigration:
    """Propose to move the open cases of a version of a workflow to another version.

    Another operator approves it, and an administrator carries it out. Working days that were used up stay used up.
    """
    return await once.do(tx, caller, service.propose(tx, caller.id, body))


@router.get("")
async def list_case_migrations(
    tx: ReadTx, _caller: Reader, page: PageQuery, status: MigrationStatus | None = None
) -> Page[schemas.CaseMigration]:
    """List proposed and decided migrations of cases, newest first."""
    query = select(CaseMigration)
    if status:
        query = query.where(CaseMigration.status == status)
    found = await page_of(tx, query, page, CaseMigration.id, lambda migration: migration, newest_first=True)
    items = [await service.shown(tx, migration) for migration in found.items]
    return Page(items=items, next_cursor=found.next_cursor)


@router.get("/{migration_id}/preview")
async def preview_case_migration(tx: ReadTx, _caller: Reader, migration_id: UUID) -> schemas.CaseMigrationPreview:
    """Get how many open cases a migration would move now, by state, and which stay for what reason."""
    return await moves.preview(tx, migration_id)


@router.post("/{migration_id}/approve")
async def approve_case_migration(tx: Tx, caller: Operator, once: OnceKey, migration_id: UUID) -> schemas.CaseMigration:
    """Approve another operator's migration of cases."""
    return await once.do(tx, caller, service.approve(tx, caller, migration_id))


@router.post("/{migration_id}/reject")
async def reject_case_migration(tx: Tx, caller: Operator, once: OnceKey, migration_id: UUID) -> schemas.CaseMigration:
    """Reject a proposed migration of cases, or withdraw one's own."""
    return await once.do(tx, caller, service.reject(tx, caller, migration_id))
