from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from kit.staff.reach import allow_of_whole
from svc_payments.oversight.audit import models, schemas

router = APIRouter(prefix="/payments/v1", tags=["audit"])

Word = Annotated[str | None, Query(max_length=64, pattern=r"^[!-~]+$")]


@router.get("/audit-records", dependencies=[Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))])
async def list_audit_records(
    tx: ReadTx, page: PageQuery, subject: Word = None, actor: Word = None
) -> Page[schemas.AuditRecord]:
    """List audit records, newest first, optionally of one subject or one actor."""
    query = select(models.AuditRecord)
    if subject:
        query = query.where(models.AuditRecord.subject == subject)
    if actor:
        query = query.where(models.AuditRecord.actor == actor)
    return await page_of(tx, query, page, models.AuditRecord.id, _shown, newest_first=True)


@router.get(
    "/audit-records/{audit_record_id}",
    dependencies=[Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))],
)
async def get_audit_record(tx: ReadTx, audit_record_id: UUID) -> schemas.AuditRecord:
    """Get an audit record, such as the one that a read of a person's data refers to."""
    record = await tx.get(models.AuditRecord, audit_record_id)
    if record is None:
        raise NotFound
    return _shown(record)


def _shown(record: models.AuditRecord) -> schemas.AuditRecord:
    return schemas.AuditRecord(
        audit_record_id=record.id,
        actor=record.actor,
        action=record.action,
        subject=record.subject,
        reason=record.reason,
        details=record.details,
        created_at=record.created_at,
    )
