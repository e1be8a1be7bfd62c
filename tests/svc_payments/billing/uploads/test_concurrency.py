"""Concurrent requests to one upload."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import select

from chassis.db import Database
from kit.uploads.refusals import UploadOffsetMismatch
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.uploads import service
from svc_payments.billing.uploads.models import BillFileUpload
from tests.svc_payments.billing.files.files import counts
from tests.svc_payments.billing.uploads.contents import CONTENT, HALF, count
from tests.svc_payments.billing.uploads.uploads import UploadClient, digest


async def test_the_later_of_two_concurrent_appends_continues(client: UploadClient, database: Database) -> None:
    session = await client.started()
    held, released = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield CONTENT[:10]
        held.set()
        await released.wait()
        yield CONTENT[10:HALF]

    upload_id = UUID(session.url.rpartition("/")[2])
    async with database.read() as tx:
        provider = await service.own(tx, (await tx.scalars(select(BillFileUpload))).one().provider_id, upload_id)
    request_headers = {"content-type": "application/partial-upload", "upload-offset": "0", "upload-complete": "?0"}
    earlier = asyncio.create_task(service.append(database, provider.provider_id, upload_id, request_headers, slowly()))
    await held.wait()
    later = await session.append(CONTENT[:HALF], 0)
    assert later.status_code == 204
    released.set()
    with pytest.raises(UploadOffsetMismatch) as mismatch:
        await earlier
    assert mismatch.value.values == {"upload_offset": HALF}
    assert counts(await session.append(CONTENT[HALF:], HALF, complete=True))["accepted"] == 50


async def test_reading_the_offset_ends_a_hanging_append(client: UploadClient, database: Database) -> None:
    session = await client.started()
    offset = await session.offset()
    async with database.read() as tx:
        assert (await tx.scalars(select(BillFileUpload))).one().appender is None
    assert (await session.append(CONTENT[:HALF], offset)).status_code == 204


async def test_racing_clients_leave_one_complete_file(client: UploadClient, database: Database) -> None:
    session = await client.started(Repr_Digest=digest(CONTENT))

    async def send_all(patience: float) -> None:
        step = len(CONTENT) // 5 + 1
        for _ in range(60):
            answer = await session.head()
            if answer.headers["upload-complete"] == "?1":
                return
            offset = int(answer.headers["upload-offset"])
            piece = CONTENT[offset : offset + step]
            answer = await session.append(piece, offset, complete=offset + len(piece) == len(CONTENT))
            if answer.status_code == 409:  # a refused client backs off
                await asyncio.sleep(patience)

    await asyncio.gather(*(send_all(patience) for patience in (0, 0.5, 1.7)))
    await session.append(b"", len(CONTENT), complete=True)
    assert await count(database, Bill) == 50
    assert (await session.state())["status"] == "taken_in"
