from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from chassis.text import Day
from kit.calendar import database_time
from kit.staff.reach import allow_of_whole
from svc_payments.reconciliation.discrepancies import models, schemas, service
from svc_payments.reconciliation.statements.models import Source

router = APIRouter(prefix="/payments/v1", tags=["cases"])

Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role="operator"))]
STAFF = [Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))]


async def _conditions(
    status: models.DiscrepancyStatus | None = None,
    source: Source | None = None,
    holder: str | None = None,
    day: Day | None = None,
    assignee_id: UUID | None = None,
    flag: schemas.Flag | None = None,
) -> list[ColumnElement[bool]]:
    wanted: tuple[tuple[InstrumentedAttribute[Any], object], ...] = (
        (models.Discrepancy.status, status),
        (models.Discrepancy.source, source),
        (models.Discrepancy.holder, holder),
        (models.Discrepancy.day, day),
        (models.Discrepancy.assignee_id, assignee_id),
    )
    conditions = [column == value for column, value in wanted if value is not None]
    if flag:
        late = models.Discrepancy.due_at <= func.now()
        near = models.Discrepancy.due_at <= func.now() + schemas.NEAR_DUE
        conditions += [
            models.Discrepancy.status != models.DiscrepancyStatus.CLOSED,
            late if flag == schemas.Flag.RED else near & ~late,
        ]
    return conditions


@router.get("/cases", dependencies=STAFF)
async def list_cases(
    tx: ReadTx, page: PageQuery, conditions: Annotated[list[ColumnElement[bool]], Depends(_conditions)]
) -> Page[schemas.Discrepancy]:
    """List discrepancies between statements and the ledger, newest first."""
    query = select(models.Discrepancy).where(*conditions)
    moment = await database_time(tx)
    return await page_of(
        tx, query, page, models.Discrepancy.id, lambda case: schemas.shown(case, moment), newest_first=True
    )


@router.get("/cases/{case_id}", dependencies=STAFF)
async def get_case(tx: ReadTx, case_id: UUID) -> schemas.DiscrepancyWithEntries:
    """Get a discrepancy with its history."""
    case = await tx.get(models.Discrepancy, case_id)
    if case is None:
        raise NotFound
    entries = (
        select(models.DiscrepancyEntry)
        .where(models.DiscrepancyEntry.case_id == case.id)
        .order_by(models.DiscrepancyEntry.id)
    )
    return schemas.DiscrepancyWithEntries(
        **dict(schemas.shown(case, await database_time(tx))),
        entries=[schemas.shown_entry(entry) for entry in await tx.scalars(entries)],
    )


@router.post("/cases/{case_id}/hand-over")
async def hand_over_case(
    tx: Tx, caller: Operator, once: OnceKey, case_id: UUID, body: schemas.HandOver
) -> schemas.Discrepancy:
    """Assign a discrepancy to another person."""
    hand_over = partial(service.hand_over, tx, caller, case_id, body.assignee_id, body.reason)
    return await once.do(tx, caller, _changed(tx, hand_over))


@router.post("/cases/{case_id}/comments")
async def comment_on_case(
    tx: Tx, caller: Operator, once: OnceKey, case_id: UUID, body: schemas.Comment
) -> schemas.Discrepancy:
    """Add a comment to a discrepancy."""
    return await once.do(tx, caller, _changed(tx, partial(service.comment, tx, caller, case_id, body.words)))


@router.post("/cases/{case_id}/close")
async def close_case(
    tx: Tx, caller: Operator, once: OnceKey, case_id: UUID, body: schemas.Closing
) -> schemas.Discrepancy:
    """Close a discrepancy that the other side has corrected, or propose to write it off."""
    end = service.settle if body.resolution == "settled" else service.propose_write_off
    return await once.do(tx, caller, _changed(tx, partial(end, tx, caller, case_id, body.reason)))


@router.post("/cases/{case_id}/write-off-decision")
async def decide_write_off(
    tx: Tx, caller: Operator, once: OnceKey, case_id: UUID, body: schemas.WriteOffDecision
) -> schemas.Discrepancy:
    """Approve or reject a write-off that another person proposed."""
    decide = partial(service.decide_write_off, tx, caller, case_id, agreed=body.agreed, reason=body.reason)
    return await once.do(tx, caller, _changed(tx, decide))


async def _changed(tx: Tx, change: Callable[[], Awaitable[models.Discrepancy]]) -> schemas.Discrepancy:
    case = await change()
    await tx.flush()
    return schemas.shown(case, await database_time(tx))
