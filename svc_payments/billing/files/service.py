"""Taking in bill files and reporting on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound
from kit.calendar import this_month
from kit.fields.customer_parameters import CustomerParameters
from svc_payments.billing.bills import merge, staging
from svc_payments.billing.bills.reasons import AS_IN_1_0, Reason, message_of
from svc_payments.billing.files import schemas
from svc_payments.billing.files.events import event_of
from svc_payments.billing.files.models import BillFile, Encoding, RefusedRow
from svc_payments.billing.files.reception import Upload
from svc_payments.billing.files.rows import staged_rows
from svc_payments.parties.providers.account_numbers import parameters_of
from svc_payments.parties.providers.service import expect_provider

SHOWN_REFUSED_ROWS = 100


Progress = Callable[[int], Awaitable[None]]
"""Receives the number of further rows read."""


async def take_in(
    tx: AsyncSession,
    provider_id: UUID,
    file_name: str,
    upload: Upload,
    language: str,
    progress: Progress | None = None,
) -> schemas.BillFile:
    """Take in a provider's bill file; the same file again changes nothing.

    Raises:
        ProviderNotReady: the provider's approval has not arrived here yet.
        ClientSuspended
        OtherProvidersFile: its rows name another provider.
        WrongHeader, UnclosedQuote, FieldTooLong, LineTooLong, TooManyLines, EmptyFile: the file is not a table that
            can be read.
    """
    await expect_provider(tx, provider_id)
    numbers = await parameters_of(tx, provider_id)
    faults = upload.faults.judged_by(numbers) if upload.faults else None
    staged = await asyncio.to_thread(staged_rows, upload.text, this_month(), provider_id, numbers, faults)
    await staging.stage(tx, staged.columns, _ahead(staged.blocks, progress))
    # Staged rows wait without holding a lock that others need.
    await staging.one_at_a_time(tx, provider_id)
    file = BillFile(provider_id=provider_id, file_name=file_name, sha256=upload.sha256, encoding=upload.encoding)
    tx.add(file)
    await tx.flush()
    counts = await merge.take_in(tx, provider_id, file.id, says_expiry="expires_on" in staged.names)
    await merge.keep_refused(tx, file.id)
    file.rows, file.accepted, file.unchanged = counts.rows, counts.accepted, counts.unchanged
    file.amended, file.refused = counts.amended, counts.refused
    file.hidden_rows = upload.faults.hidden_rows if upload.faults is not None else 0
    await tx.flush()
    await tx.refresh(file)
    # A large file takes a while: its sender may have been suspended meanwhile.
    await expect_provider(tx, provider_id)
    await emit(tx, event_of(file))
    return await _report(tx, file, language)


async def _ahead(blocks: Iterator[str], progress: Progress | None) -> AsyncIterator[bytes]:
    # In a thread, so that other requests are answered and PostgreSQL takes one block while the next is made.
    while block := await asyncio.to_thread(next, blocks, None):
        yield block.encode()
        if progress:
            await progress(block.count("\n"))


async def get_bill_file(tx: AsyncSession, provider_id: UUID, bill_file_id: UUID, language: str) -> schemas.BillFile:
    return await _report(tx, await own_file(tx, provider_id, bill_file_id), language)


async def list_refused_rows(
    tx: AsyncSession, file: BillFile, page: PageRequest, language: str
) -> Page[schemas.RefusedRow]:
    query = select(RefusedRow).where(RefusedRow.bill_file_id == file.id)
    numbers = await parameters_of(tx, file.provider_id)
    return await page_of(tx, query, page, RefusedRow.row, lambda row: _shown(row, language, numbers))


async def own_file(tx: AsyncSession, provider_id: UUID, bill_file_id: UUID) -> BillFile:
    """A file of this provider; those of others are not found."""
    file = await tx.get(BillFile, bill_file_id)
    if file is None or file.provider_id != provider_id:
        raise NotFound
    return file


async def _report(tx: AsyncSession, file: BillFile, language: str) -> schemas.BillFile:
    first = select(RefusedRow).where(RefusedRow.bill_file_id == file.id).order_by(RefusedRow.row)
    refused = (await tx.scalars(first.limit(SHOWN_REFUSED_ROWS))).all()
    numbers = await parameters_of(tx, file.provider_id)
    return schemas.BillFile(
        bill_file_id=file.id,
        file_name=file.file_name,
        sha256=file.sha256,
        encoding=Encoding.UTF_8 if file.encoding == Encoding.XLSX else Encoding(file.encoding),
        format="xlsx" if file.encoding == Encoding.XLSX else "csv",
        rows=file.rows,
        accepted=file.accepted,
        unchanged=file.unchanged,
        amended=file.amended,
        refused=file.refused,
        hidden_rows=file.hidden_rows,
        refused_rows=[_shown(row, language, numbers) for row in refused],
        refused_rows_url=f"/payments/v1/bill-files/{file.id}/refused-rows",
        created_at=file.created_at,
    )


def _shown(row: RefusedRow, language: str, numbers: CustomerParameters) -> schemas.RefusedRow:
    reason = Reason(row.reason)
    return schemas.RefusedRow(
        row=row.row,
        bill_number=row.bill_number,
        reason=AS_IN_1_0.get(reason, reason),
        code=reason,
        message=message_of(reason, language, numbers, row.other_number),
    )
