"""The worker finishes uploads that a crash left complete, and deletes abandoned ones."""

import pytest
from sqlalchemy import func, select, text, update

from chassis.db import Database
from svc_payments.billing.uploads.models import BillFileUpload, UploadPart
from svc_payments.billing.uploads.worker import finish_left, forget_old
from svc_payments.settings import Settings
from tests.svc_payments.billing.files.files import counts
from tests.svc_payments.billing.uploads.contents import CONTENT, HALF, count
from tests.svc_payments.billing.uploads.uploads import UploadClient, code_of


async def backdate(database: Database, seconds: int, **values: object) -> None:
    """Set the last activity of all uploads to this long ago."""
    past = func.now() - text(f"interval '{seconds} seconds'")
    async with database.transaction() as tx:
        await tx.execute(update(BillFileUpload).values(touched_at=past, **values))


async def test_an_abandoned_upload_is_deleted_after_a_day(
    client: UploadClient, database: Database, settings: Settings
) -> None:
    session = await client.started(CONTENT[:HALF])

    async def parts_after(seconds: int) -> int:
        await backdate(database, seconds)
        await forget_old(database, settings)
        return await count(database, UploadPart)

    assert [await parts_after(86_300), await parts_after(86_500)] == [1, 0]
    assert (await session.head()).status_code == 404


async def test_the_worker_ingests_what_a_crash_left_complete(client: UploadClient, database: Database) -> None:
    session = await client.started(CONTENT)
    await backdate(database, 60, status="received", length=len(CONTENT))
    await finish_left(database)
    state = await session.state()
    assert (state["status"], state["report"]["accepted"]) == ("taken_in", 50)


async def test_the_worker_skips_an_upload_that_is_locked(client: UploadClient, database: Database) -> None:
    session = await client.started(CONTENT)
    await backdate(database, 60, status="received", length=len(CONTENT))
    name = f"bill file upload {session.url.rpartition('/')[2]}"
    async with database.transaction() as tx:
        await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        await finish_left(database)
        answer = await session.append(b"", len(CONTENT), complete=True)
        assert code_of(answer) == (409, "upload_being_taken_in")
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.api.delete(session.url, headers=client.headers)).status_code == 409
        assert (await session.state())["status"] == "received"
    assert counts(await session.append(b"", len(CONTENT), complete=True))["accepted"] == 50


async def test_the_progress_of_an_ingest_can_be_read(
    client: UploadClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("svc_payments.billing.uploads.worker._REPORT_EVERY_ROWS", 10)
    session = await client.started(CONTENT)
    await session.append(b"", len(CONTENT), complete=True)
    assert (await session.state())["rows_read"] == 51
