"""The company's own client through a gateway process, over connections that are cut."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from chassis.db import Database
from chassis.testing import Tokens
from contracts.reference_provider import resumable_upload
from contracts.reference_provider.client import Client, new_key
from deploy.local.programs import LOOPBACK
from kit.uploads import parts
from svc_payments.app import create_app
from svc_payments.billing.bills.models import Bill
from svc_payments.settings import Settings
from tests.gateway.processes import GatewayProcess, running_gateway
from tests.svc_payments.billing.files.files import file_of, row, uploader
from tests.svc_payments.served import served

CONTRACTS = Path(__file__).parents[4] / "contracts/openapi"
ROWS = 3_000
CONTENT = file_of(*(row(f"W-{n}") for n in range(ROWS))).encode()


@contextlib.asynccontextmanager
async def flaky_proxy(port: int, allowances: list[int]) -> AsyncIterator[int]:
    """A proxy to a port that resets each connection after its allowance of bytes, and further ones never."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(4_096):
                left = None if left is None else left - len(piece)
                if left is not None and left < 0:
                    break
                writer.write(piece)
                await writer.drain()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, port)
        up = asyncio.create_task(carry(reader, back, allowances.pop(0) if allowances else None))
        down = asyncio.create_task(carry(there, writer, None))
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        for task in (up, down):
            task.cancel()
        writer.transport.abort()
        back.transport.abort()

    server = await asyncio.start_server(connected, LOOPBACK, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


class TokenClient(Client):
    """The company's client with a token of the test run's own issuer."""

    fixed_token = ""

    def token(self, scope: str = "") -> str:  # noqa: ARG002 - one token has all
        return self.fixed_token


@pytest.fixture
async def gateway(settings: Settings, tokens: Tokens, tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    async with running_gateway(tmp_path, CONTRACTS, tokens.jwks_url) as gateway:
        yield gateway


async def test_an_upload_that_is_cut_repeatedly_arrives_complete(
    gateway: GatewayProcess,
    settings: Settings,
    database: Database,
    tokens: Tokens,
    provider_id: UUID,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resumable_upload, "CHUNK", 60_000)
    monkeypatch.setattr("contracts.reference_provider.client.LARGE", 1)
    monkeypatch.setattr(parts, "LARGEST_PART", 10_000)
    path = tmp_path / "九月.csv"
    path.write_bytes(CONTENT)
    cuts = [500, 3_000, 30_000, 90_000, 45_000, 10_000]
    async with served(create_app(settings), gateway.payments_port), flaky_proxy(_port(gateway), cuts) as port:
        client = TokenClient(f"http://{LOOPBACK}:{port}", new_key(), str(provider_id))
        client.fixed_token = uploader(tokens, provider_id)["Authorization"].removeprefix("Bearer ")
        report = await asyncio.to_thread(client.upload_bills, path, "utf-8")
        again = await asyncio.to_thread(client.upload_bills, path, "utf-8")
        client.close()
    assert cuts == []
    assert (report["accepted"], report["file_name"]) == (ROWS, "九月.csv")
    assert again["unchanged"] == ROWS
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Bill)) == ROWS


async def test_another_process_resumes_the_upload(
    gateway: GatewayProcess, settings: Settings, tokens: Tokens, provider_id: UUID
) -> None:
    headers = uploader(tokens, provider_id)
    first = {"Content-Type": "text/csv", "Upload-Complete": "?0", "Upload-Length": str(len(CONTENT))}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60) as api:
        async with served(create_app(settings), gateway.payments_port):
            started = await api.put("/payments/v1/bill-files/a.csv", content=CONTENT[:70_000], headers=first)
            url = started.headers["location"]
        absent = await api.head(url)
        async with served(create_app(settings), gateway.payments_port):
            head = await api.head(url)
            offset = int(head.headers["upload-offset"])
            last = {
                "Content-Type": "application/partial-upload",
                "Upload-Complete": "?1",
                "Upload-Offset": str(offset),
            }
            report = await api.patch(url, content=CONTENT[offset:], headers=last)
            state = await api.get(url)
    assert (started.status_code, absent.status_code, head.status_code) == (201, 503, 204)
    assert offset == 70_000
    assert json.loads(report.text)["accepted"] == ROWS
    assert state.json()["report"] == report.json()


def _port(gateway: GatewayProcess) -> int:
    return httpx.URL(gateway.url).port or 0
