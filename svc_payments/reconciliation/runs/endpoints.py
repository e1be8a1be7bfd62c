from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from chassis.text import Day
from kit.staff.reach import allow_of_whole
from svc_payments.reconciliation.runs import models, schemas, service
from svc_payments.reconciliation.statements.models import Source
from svc_payments.reconciliation.statements.service import Counterparty

router = APIRouter(prefix="/payments/v1", tags=["reconciliation"])

Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role="operator"))]
STAFF = [Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))]


@router.post("/reconciliation-runs", status_code=201)
async def request_reconciliation_run(tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewRun) -> schemas.Run:
    """Reconcile a day again.

    A run that finds nothing new changes nothing.
    """
    return await once.do(tx, caller, _request(tx, caller, body))


async def _request(tx: Tx, caller: Caller, new: schemas.NewRun) -> schemas.Run:
    return schemas.shown(await service.request(tx, Counterparty(new.source, new.holder), new.day, caller.subject))


@router.get("/reconciliation-runs", dependencies=STAFF)
async def list_reconciliation_runs(
    tx: ReadTx, page: PageQuery, source: Source | None = None, holder: str | None = None, day: Day | None = None
) -> Page[schemas.Run]:
    """List reconciliation runs with their progress and results, newest first."""
    query = select(models.Run)
    wanted = ((models.Run.source, source), (models.Run.holder, holder), (models.Run.day, day))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    return await page_of(tx, query, page, models.Run.id, schemas.shown, newest_first=True)


@router.get("/reconciliation-runs/{run_id}", dependencies=STAFF)
async def get_reconciliation_run(tx: ReadTx, run_id: UUID) -> schemas.Run:
    """Get a reconciliation run."""
    run = await tx.get(models.Run, run_id)
    if run is None:
        raise NotFound
    return schemas.shown(run)


@router.get("/reconciliation-runs/{run_id}/findings", dependencies=STAFF)
async def list_reconciliation_findings(
    tx: ReadTx, page: PageQuery, run_id: UUID, result: models.Result | None = None
) -> Page[schemas.Finding]:
    """List the differences that a reconciliation run found."""
    query = select(models.Finding).where(models.Finding.run_id == run_id)
    if result:
        query = query.where(models.Finding.result == result)
    return await page_of(tx, query, page, models.Finding.id, schemas.shown_finding)
