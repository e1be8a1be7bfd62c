"""Ingests complete uploads, once each, like files sent in one request."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.problems import DEFAULT_LANGUAGE, NotFound, Problem
from chassis.telemetry import log
from kit.leases import claimable
from kit.uploads.outcomes import again, kept
from kit.uploads.parts import content_of, forget_content
from svc_payments.billing.files import schemas as bill_file_schemas
from svc_payments.billing.files import service as bill_files
from svc_payments.billing.files.reception import Announced, received
from svc_payments.billing.uploads.models import TABLES, BillFileUpload, UploadStatus
from svc_payments.billing.uploads.refusals import UploadBeingTakenIn
from svc_payments.settings import Settings

RETENTION = timedelta(days=7)
"""How long an upload can be read after its end."""
_LEFT_AFTER = timedelta(seconds=30)
_REPORT_EVERY_ROWS = 50_000


async def finish(database: Database, upload_id: UUID, language: str) -> bill_file_schemas.BillFile:
    """Take in a complete upload. Idempotent: a repeated call gives the same report or refusal.

    Raises:
        UploadBeingTakenIn: another process is taking it in.
        Problem: whatever a bill file is refused for.
    """
    try:
        async with database.transaction() as tx:
            return await _finish(database, tx, upload_id, language)
    except Problem as refusal:
        # A temporary refusal carries Retry-After.
        if "Retry-After" not in refusal.headers:
            async with database.transaction() as tx:
                await _keep_refusal(tx, upload_id, refusal)
            refusal.headers = {**refusal.headers, "Upload-Complete": "?1"}
        raise


async def _finish(database: Database, tx: AsyncSession, upload_id: UUID, language: str) -> bill_file_schemas.BillFile:
    # The lock ends with the transaction, so that after a crash the next worker takes the file.
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(f"bill file upload {upload_id}", 0))
    if not await tx.scalar(select(lock)):
        raise UploadBeingTakenIn
    upload = await tx.get(BillFileUpload, upload_id)
    if upload is None:
        raise NotFound
    if upload.bill_file_id is not None:
        return await bill_files.get_bill_file(tx, upload.provider_id, upload.bill_file_id, language)
    if upload.refusal is not None:
        raise again(upload.refusal)
    announced = replace(Announced.by(upload.headers), sha256=upload.sha256)
    async with received(announced, content_of(tx, TABLES, upload_id)) as file:
        report = await bill_files.take_in(
            tx, upload.provider_id, upload.file_name, file, language, _Progress(database, upload_id).report
        )
    upload.move_to(UploadStatus.TAKEN_IN)
    upload.bill_file_id, upload.finished_at = report.bill_file_id, now()
    await forget_content(tx, TABLES, upload_id)
    return report


async def _keep_refusal(tx: AsyncSession, upload_id: UUID, refusal: Problem) -> None:
    upload = await tx.get(BillFileUpload, upload_id, with_for_update={"key_share": True})
    if upload is None or upload.status != UploadStatus.RECEIVED:
        return
    upload.move_to(UploadStatus.REFUSED)
    upload.refusal, upload.finished_at = kept(refusal), now()
    await forget_content(tx, TABLES, upload_id)


@dataclass
class _Progress:
    """Reports progress in separate transactions: the ingesting one is invisible until it commits."""

    database: Database
    upload_id: UUID
    rows: int = 0
    reported_rows: int = 0

    async def report(self, further: int) -> None:
        self.rows += further
        if self.rows < self.reported_rows + _REPORT_EVERY_ROWS:
            return
        self.reported_rows = self.rows
        reached = {"rows_read": self.rows, "touched_at": func.now()}
        async with self.database.transaction() as tx:
            await tx.execute(update(BillFileUpload).where(BillFileUpload.id == self.upload_id).values(reached))


async def finish_left(database: Database) -> None:
    """Take in complete uploads that no process works on, as after a crash."""
    while (upload_id := await _claim_left(database)) is not None:
        try:
            await finish(database, upload_id, DEFAULT_LANGUAGE)
        except Problem as refusal:
            log.info("bill_file_upload_not_taken_in", upload_id=str(upload_id), code=refusal.code)


async def _claim_left(database: Database) -> UUID | None:
    left = select(BillFileUpload.id).where(
        BillFileUpload.status == UploadStatus.RECEIVED, BillFileUpload.touched_at < func.now() - _LEFT_AFTER
    )
    oldest = claimable(left, BillFileUpload.touched_at, limit=1, key_share=True).scalar_subquery()
    claim = update(BillFileUpload).where(BillFileUpload.id == oldest).values(touched_at=func.now())
    async with database.transaction() as tx:
        upload_id: UUID | None = await tx.scalar(claim.returning(BillFileUpload.id))
        return upload_id


async def forget_old(database: Database, settings: Settings) -> None:
    """Delete abandoned uploads, and old records of ended ones."""
    waited = timedelta(seconds=settings.bill_upload_seconds)
    abandoned = (BillFileUpload.status == UploadStatus.RECEIVING) & (BillFileUpload.touched_at < func.now() - waited)
    ended = BillFileUpload.finished_at < func.now() - RETENTION
    async with database.transaction() as tx:
        await tx.execute(delete(BillFileUpload).where(or_(abandoned, ended)))
