"""Uploads of bill files in several requests (draft-ietf-httpbis-resumable-upload)."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.problems import NotFound
from kit.calendar import database_time
from kit.uploads import service as uploads
from kit.uploads.digests import sha256_in
from kit.uploads.headers import state_of
from kit.uploads.outcomes import again
from kit.uploads.parts import locked
from svc_payments.billing.files import schemas as bill_file_schemas
from svc_payments.billing.files import service as bill_files
from svc_payments.billing.files.reception import Announced
from svc_payments.billing.uploads import schemas
from svc_payments.billing.uploads.models import TABLES, BillFileUpload, UploadStatus
from svc_payments.billing.uploads.refusals import TooManyUploads, UploadBeingTakenIn
from svc_payments.billing.uploads.worker import RETENTION, finish
from svc_payments.parties.providers.service import expect_provider
from svc_payments.settings import Settings

MOST_UNFINISHED = 10
"""Of one provider; with the largest file this bounds the disk that it can fill."""
_ABOUT_THE_FILE = ("content-type", "content-encoding")


async def create(
    database: Database, provider_id: UUID, file_name: str, headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> UUID:
    """Begin an upload with the first bytes of it, which may be none.

    Raises:
        ProviderNotReady: the provider's approval has not arrived here yet.
        TooManyUploads: the provider has too many unfinished uploads.
        ContentTooLarge: it says that it will be too large.
        UnsupportedMediaType, UnsupportedContentEncoding, BadHeader: it could not be ingested.
        BodyTruncated, DigestMismatch, UploadLengthMismatch: as for what is appended.
    """
    Announced.by(headers)
    upload = BillFileUpload(
        id=new_id(),
        provider_id=provider_id,
        file_name=file_name,
        headers={name: headers[name] for name in _ABOUT_THE_FILE if name in headers},
        sha256=sha256_in(headers, "Repr-Digest"),
        length=uploads.length_in(headers, TABLES.most_bytes),
        appender=new_id(),
    )
    async with database.transaction() as tx:
        await expect_provider(tx, provider_id)
        # One after the other, so that none counts what another is about to add.
        await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"uploads of {provider_id}", 0))))
        begun = select(func.count()).where(
            BillFileUpload.provider_id == provider_id, BillFileUpload.finished_at.is_(None)
        )
        if (await tx.scalar(begun) or 0) >= MOST_UNFINISHED:
            raise TooManyUploads(most=MOST_UNFINISHED)
        tx.add(upload)
    await uploads.begin(database, TABLES, upload, headers, pieces)
    return upload.id


async def append(
    database: Database, provider_id: UUID, upload_id: UUID, headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> bool:
    """Append to an upload. Returns whether it is complete.

    Raises:
        NotFound: the provider has no such upload, or it has expired.
        Problem: why the request does not go on with it, as `kit.uploads.service` has it.
    """
    return await uploads.append(database, TABLES, lambda tx: _own(tx, provider_id, upload_id), headers, pieces)


async def report_on(
    database: Database, provider_id: UUID, upload_id: UUID, language: str
) -> bill_file_schemas.BillFile:
    """The outcome of a complete upload, which is ingested now unless it was before.

    Raises:
        NotFound, UploadBeingTakenIn
        Problem: whatever a bill file is refused for.
    """
    async with database.read() as tx:
        await own(tx, provider_id, upload_id)
    return await finish(database, upload_id, language)


async def offset_of(tx: AsyncSession, provider_id: UUID, upload_id: UUID) -> BillFileUpload:
    """The offset at which a client resumes: an earlier request that is still open can append no more."""
    upload = await _own(tx, provider_id, upload_id)
    upload.appender = None
    return upload


async def cancel(tx: AsyncSession, provider_id: UUID, upload_id: UUID) -> None:
    """Delete an upload and its bytes; ingested bills stay.

    Raises:
        NotFound
        UploadBeingTakenIn: it is too late for that.
    """
    upload = await _own(tx, provider_id, upload_id)
    if upload.status == UploadStatus.RECEIVED:
        raise UploadBeingTakenIn
    await tx.delete(upload)


def of_provider(provider_id: UUID) -> Select[BillFileUpload]:
    return select(BillFileUpload).where(BillFileUpload.provider_id == provider_id)


async def own(tx: AsyncSession, provider_id: UUID, upload_id: UUID) -> BillFileUpload:
    """An upload of this provider; those of others are not found."""
    upload = await tx.get(BillFileUpload, upload_id)
    if upload is None or upload.provider_id != provider_id:
        raise NotFound
    return upload


async def _own(tx: AsyncSession, provider_id: UUID, upload_id: UUID) -> BillFileUpload:
    upload = await locked(tx, TABLES, upload_id)
    if upload.provider_id != provider_id:
        raise NotFound
    return upload


async def shown_with_report(
    tx: AsyncSession, upload: BillFileUpload, settings: Settings, language: str
) -> schemas.BillFileUpload:
    answer = shown(upload, settings, language)
    if upload.bill_file_id is not None:
        answer.report = await bill_files.get_bill_file(tx, upload.provider_id, upload.bill_file_id, language)
    return answer


def shown(upload: BillFileUpload, settings: Settings, language: str) -> schemas.BillFileUpload:
    return schemas.BillFileUpload(
        upload_id=upload.id,
        file_name=upload.file_name,
        status=upload.status,
        received_bytes=upload.received,
        length=upload.length,
        sha256=upload.sha256,
        rows_read=upload.rows_read,
        bill_file_id=upload.bill_file_id,
        report=None,
        problem=again(upload.refusal).render(language) if upload.refusal else None,
        created_at=upload.created_at,
        expires_at=_expires_at(upload, settings),
    )


async def state_headers(tx: AsyncSession, upload: BillFileUpload, settings: Settings) -> dict[str, str]:
    """The headers with an upload's offset, and how long it can be continued or read."""
    seconds_left = int((_expires_at(upload, settings) - await database_time(tx)).total_seconds())
    return state_of(upload, TABLES.most_bytes, seconds_left)


def _expires_at(upload: BillFileUpload, settings: Settings) -> datetime:
    if upload.finished_at is not None:
        return upload.finished_at + RETENTION
    return upload.touched_at + timedelta(seconds=settings.bill_upload_seconds)
