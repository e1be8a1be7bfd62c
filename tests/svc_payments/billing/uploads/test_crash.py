"""The service is killed during an upload, and the next process resumes it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import make_url, select

from chassis.db import Database
from chassis.testing import Tokens, until
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from kit.uploads.parts import LARGEST_PART
from svc_payments.billing.uploads.models import BillFileUpload
from svc_payments.settings import Settings
from tests.databases import upgrade_in_thread
from tests.svc_payments.billing.files.files import counts, file_of, row, uploader
from tests.svc_payments.billing.uploads.uploads import PARTIAL, digest

ROWS = 25_000
CONTENT = file_of(*(row(f"W-{n}") for n in range(ROWS))).encode()


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """The database name that the service expects on its server."""
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database="myili_payments")
    database = Database(upgrade_in_thread("svc_payments", url))
    yield database
    await database.close()


def service(settings: Settings, port: int) -> Program:
    values = {
        "database_url": settings.database_url.get_secret_value(),
        "kafka": "127.0.0.1:1",
        "provider_endpoints": "any",
    }
    keys = ("channel_public_key", "merchant_key", "provider_signing_key")
    for name in ("public_url", "jwks_url", "channel_url", "ledger_anchors", *keys):
        value = getattr(settings, name)
        values[name] = value.get_secret_value() if isinstance(value, SecretStr) else value
    served = f"-m uvicorn --factory svc_payments.app:create_app --host {LOOPBACK} --port {port} --no-access-log"
    return Program(
        name="service",
        command=[sys.executable, *served.split()],
        where="",
        ready=lambda: accepts_connections(port),
        environment={f"MYILI_{name.upper()}": str(value) for name, value in values.items()},
        stop_signal=signal.SIGKILL,
    )


async def test_bytes_stored_before_the_kill_need_not_be_sent_again(
    settings: Settings, database: Database, tokens: Tokens, provider_id: UUID, tmp_path: Path
) -> None:
    port, headers = free_port(), uploader(tokens, provider_id)
    program = service(settings, port)
    start = {"Content-Type": "text/csv", "Upload-Complete": "?0", "Repr-Digest": digest(CONTENT)}
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", headers=headers, timeout=60) as api:
        with running(program, tmp_path / "first.log"):
            started = await api.put("/payments/v1/bill-files/killed.csv", headers=start)
            url = started.headers["location"]
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            head = (
                f"PATCH {url} HTTP/1.1\r\nHost: x\r\nAuthorization: {headers['Authorization']}\r\n"
                f"Content-Type: {PARTIAL}\r\nUpload-Offset: 0\r\nUpload-Complete: ?1\r\n"
                f"Content-Length: {len(CONTENT)}\r\n\r\n"
            )
            writer.write(head.encode() + CONTENT[: LARGEST_PART + 100_000])
            await writer.drain()

            async def a_part_is_stored() -> bool:
                async with database.read() as tx:
                    upload = await tx.scalar(select(BillFileUpload).where(BillFileUpload.provider_id == provider_id))
                    return upload is not None and upload.received > 0

            await until(a_part_is_stored, seconds=60)
        writer.transport.abort()
        with running(program, tmp_path / "second.log"):
            offset = int((await api.head(url)).headers["upload-offset"])
            last = {"Content-Type": PARTIAL, "Upload-Complete": "?1", "Upload-Offset": str(offset)}
            report = await api.patch(url, content=CONTENT[offset:], headers=last)
    assert offset >= LARGEST_PART
    assert counts(report) == {"accepted": ROWS}
