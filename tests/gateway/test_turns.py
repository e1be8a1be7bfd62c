"""A client that does not send, or does not take its answer, takes no turn that others need."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.gateway.bill_files import MEGABYTE
from tests.gateway.processes import GatewayProcess
from tests.gateway.stage import Stage, dialogue, read_head, scripted

BILLS = "/payments/v1/bills"
OPERATIONS: dict[str, dict[str, object]] = {
    f"GET {BILLS}": {},
    f"POST {BILLS}": {},
    "GET /payments/v1/export": {},
    "PUT /payments/v1/bill-files/{file_name}": {"x-max-body-bytes": 512 * MEGABYTE},
}
ATTACKER = "127.0.0.2"
AT_ONCE = 1.0
"""Seconds; a request that waits for a turn waits three."""


async def bills_and_exports(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers bills at once, and an export of 16 MiB as fast as it is taken."""
    while True:
        head = await read_head(reader)
        if b" /payments/v1/export" not in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            continue
        counted = b"chunked" not in head.partition(b"\r\n")[0]
        framing = f"Content-Length: {16 * MEGABYTE}" if counted else "Transfer-Encoding: chunked"
        writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        for _ in range(256):
            writer.write(bytes(65_536) if counted else b"10000\r\n" + bytes(65_536) + b"\r\n")
            await writer.drain()
        writer.write(b"" if counted else b"0\r\n\r\n")


@contextlib.asynccontextmanager
async def stuck(gateway: str, request: bytes, number: int = 200) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Connections of the attacker that have sent this and do nothing more, not even read."""
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for _ in range(number):
            reader, writer = await stack.enter_async_context(dialogue(gateway, ATTACKER))
            reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a client that does not read
            writer.write(request)
            await writer.drain()
            readers.append(reader)
        await asyncio.sleep(0.5)
        yield readers


async def assert_answered_at_once(client: httpx.AsyncClient, gateway: str, within: float = AT_ONCE) -> None:
    for method in ("GET", "POST"):
        started = time.monotonic()
        answer = await client.request(method, f"{gateway}{BILLS}", content=b"{}" if method == "POST" else None)
        assert (answer.status_code, answer.text) == (200, "ok")
        assert time.monotonic() - started < within


@pytest.mark.parametrize(
    "half",
    [
        b"Content-Length: 1000\r\n\r\n{",
        b"Content-Length: 1000\r\n\r\n",
        b"Content-Length: 100000\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
        b"X: y",
    ],
    ids=["one byte", "no byte", "one byte of a long body", "a chunk", "no chunk", "asks first", "half a head"],
)
async def test_200_half_sent_posts_of_one_address_keep_nobody_out(
    stage: Stage, client: httpx.AsyncClient, half: bytes
) -> None:
    stage.promise("payments", OPERATIONS)
    request = f"POST {BILLS} HTTP/1.1\r\nHost: my.ili\r\n".encode() + half
    async with (
        scripted(bills_and_exports) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        stuck(gateway, request),
    ):
        await assert_answered_at_once(client, gateway)
        assert payments.connections == 1, "no half-sent request is sent on"


async def test_long_uploads_that_stop_keep_out_neither_requests_nor_uploads_of_others(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        if head.startswith(b"PUT"):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        elif head.startswith(b"POST"):
            await reader.readexactly(2)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()

    stage.promise("payments", OPERATIONS)
    upload = b"PUT /payments/v1/bill-files/a.csv HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 200000\r\n\r\n"
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        stuck(gateway, upload + bytes(100_000)) as readers,
    ):
        await assert_answered_at_once(client, gateway)
        own = await client.put(f"{gateway}/payments/v1/bill-files/b.csv", content=bytes(200_000))
        assert (own.status_code, own.text) == (200, "ok")
        last = readers[-1]
        last._transport.resume_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - now it reads
        refusal = await asyncio.wait_for(read_head(last), 5)
        assert refusal.startswith(b"HTTP/1.1 429")
        assert b"retry-after: " in refusal.lower()
        problem = await asyncio.wait_for(last.readuntil(b"}"), 5)
        assert b'"too_many_transfers"' in problem


@pytest.mark.parametrize("framing", ["counted", "chunked"])
async def test_200_unread_downloads_of_one_address_keep_nobody_out(
    stage: Stage, client: httpx.AsyncClient, framing: str
) -> None:
    # A request kept out would wait for as long as it may, far beyond the delays of a busy machine. All turns are one
    # address's to take, so that it is not its share that leaves some to others.
    patient: dict[str, Any] = {"connect_seconds": 20, "requests_per_address": 200}
    stage.promise("payments", OPERATIONS)
    request = f"GET /payments/v1/export?{framing} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode()
    async with (
        scripted(bills_and_exports) as payments,
        stage.gateway(payments_url=payments.url, **patient) as gateway,
        stuck(gateway, request),
    ):
        await client.get(f"{gateway}{BILLS}")  # while all buffers on the way fill up
        await assert_answered_at_once(client, gateway, within=10)
        async with client.stream("GET", f"{gateway}/payments/v1/export?{framing}") as download:
            assert download.status_code == 200
            received = 0
            async for piece in download.aiter_raw():
                received += len(piece)
        assert received == 16 * MEGABYTE, "others download too"


async def test_small_answers_that_pile_up_unread_take_no_turn(stage: Stage, client: httpx.AsyncClient) -> None:
    """Many requests at once on each connection, whose answers fill all buffers on the way."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await read_head(reader)
            size = 60_000 if b"?large" in head else 2
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"ok".ljust(size))
            await writer.drain()

    stage.promise("payments", {f"GET {BILLS}": {}})
    narrow: dict[str, Any] = {"upstream_connections": 4, "connect_seconds": 0.5}
    request = f"GET {BILLS}?large HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode() * 60
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url, **narrow) as gateway,
        stuck(gateway, request, 8),
    ):
        started = time.monotonic()
        answer = await client.get(f"{gateway}{BILLS}")
        assert (answer.status_code, answer.text) == (200, "ok")
        assert time.monotonic() - started < 0.5


async def test_the_process_serves_residents_while_200_sockets_are_stuck(
    gateway_process: GatewayProcess, client: httpx.AsyncClient
) -> None:
    """The gateway as it runs in production, and what its memory holds of the attack."""
    path = "/payments/v1/bill-files/may.csv"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_head(reader)
            await reader.readexactly(2)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    request = f"PUT {path} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 65536\r\n\r\n".encode() + bytes(65_000)
    before = gateway_process.memory()
    async with scripted(script, gateway_process.payments_port), stuck(gateway_process.url, request):
        started = time.monotonic()
        answer = await client.put(f"{gateway_process.url}{path}", content=b"{}")
        assert (answer.status_code, answer.text) == (200, "ok")
        assert time.monotonic() - started < AT_ONCE
        assert gateway_process.memory() - before < 200 * 2 * 65_536
