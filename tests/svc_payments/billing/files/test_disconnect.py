"""A connection that ends in the middle of an upload, over a real socket."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from chassis.db import Database
from chassis.testing import Tokens, until
from deploy.local.programs import LOOPBACK, free_port
from svc_payments.app import create_app
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.files.models import BillFile
from svc_payments.settings import Settings
from tests.svc_payments.billing.files.files import file_of, row, uploader
from tests.svc_payments.served import served


@pytest.mark.parametrize("chunked", [False, True], ids=["Content-Length", "chunked"])
@pytest.mark.parametrize("politely", [False, True], ids=["reset", "closed"])
async def test_a_cut_upload_leaves_nothing(
    settings: Settings, database: Database, tokens: Tokens, provider_id: UUID, *, chunked: bool, politely: bool
) -> None:
    content = file_of(*(row(f"W-{n}") for n in range(5_000))).encode()
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(content) * 2}"
    authorization = uploader(tokens, provider_id)["Authorization"]
    head = (
        "PUT /payments/v1/bill-files/cut.csv HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        f"Authorization: {authorization}\r\n{framing}\r\n\r\n"
    ).encode()
    body = f"{len(content):x}\r\n".encode() + content + b"\r\n" if chunked else content
    port = free_port()
    async with served(create_app(settings), port):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(head + body)
        await writer.drain()
        if politely:
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 10)
            assert b" 200 " not in answer
        writer.transport.abort()

        async def database_is_idle() -> bool:
            async with database.read() as tx:
                working = text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND state <> 'idle' AND pid <> pg_backend_pid()"
                )
                return not await tx.scalar(working)

        await until(database_is_idle)
    async with database.read() as tx:
        for table in (Bill, BillFile):
            assert await tx.scalar(select(func.count()).select_from(table)) == 0
