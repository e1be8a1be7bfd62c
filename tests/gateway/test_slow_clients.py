"""A client that stalls is not waited for; one that is slow but steady is."""

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest

from gateway.connection import ClientConnection
from gateway.pace import Pace
from tests.gateway.bill_files import MEGABYTE, PATH, UPLOAD
from tests.gateway.stage import Stage, answering, dialogue, echo, listening_socket, read_head, scripted, serving

BILL: dict[str, dict[str, object]] = {"GET /payments/v1/bills/{bill_id}": {}}
GOOD = "GET /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n"


class TestPace:
    def test_steady_progress_at_the_slowest_rate_never_runs_out(self) -> None:
        pace = Pace(30, 100)
        for _ in range(100_000):
            pace.record(waited=10, moved=1_000)
        assert pace.seconds_left > 0

    def test_less_than_the_slowest_rate_runs_out(self) -> None:
        pace = Pace(30, 100)
        for _ in range(60):
            pace.record(waited=1, moved=49)
        assert pace.seconds_left <= 0

    def test_what_came_quickly_buys_no_longer_pause(self) -> None:
        pace = Pace(30, 100)
        pace.record(waited=0, moved=10**9)
        assert pace.seconds_left == 30


async def test_a_head_that_does_not_end_is_not_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientConnection, "head_seconds", 0.4)
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway, dialogue(gateway) as (reader, writer):
        with contextlib.suppress(RuntimeError):  # uvloop refuses to write once the connection is closed
            for byte in GOOD.encode():
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)


async def test_a_second_head_is_not_waited_for_longer_than_the_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClientConnection, "head_seconds", 0.4)
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway, dialogue(gateway) as (reader, writer):
        writer.write(f"{GOOD}\r\n{GOOD}".encode())
        answers = await asyncio.wait_for(reader.read(), 3)
    assert answers.count(b"HTTP/1.1 503") == 1


async def test_a_silent_connection_is_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientConnection, "head_seconds", 0.2)
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway, dialogue(gateway) as (reader, _):
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_slow_head_that_keeps_arriving_is_served(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientConnection, "head_seconds", 0.3)
    stage.promise("payments", BILL)
    head = f"{GOOD}X: {'a' * 100}\r\n\r\n".encode()
    async with (
        serving(echo) as payments,
        stage.gateway(payments_url=payments) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        for place in range(0, len(head), 10):
            writer.write(head[place : place + 10])
            await asyncio.sleep(0.04)
        assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 200")


async def test_a_head_is_not_waited_for_forever_however_it_arrives(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClientConnection, "head_seconds", 0.2)
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway, dialogue(gateway) as (reader, writer):
        writer.write(f"{GOOD}X: ".encode())
        started = time.monotonic()
        with contextlib.suppress(RuntimeError, TimeoutError):  # uvloop refuses to write once the connection is closed
            async with asyncio.timeout(5):
                while not reader.at_eof():
                    writer.write(b"a" * 50)
                    await asyncio.sleep(0.02)
        assert 0.6 < time.monotonic() - started < 2


async def test_200_slow_heads_of_one_address_keep_nobody_out(stage: Stage) -> None:
    stage.promise("payments", BILL)
    async with (
        serving(echo) as payments,
        stage.gateway(payments_url=payments) as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        writers = [(await stack.enter_async_context(dialogue(gateway, "127.0.0.2")))[1] for _ in range(200)]
        for part in (GOOD, "X: 1\r\n", "Y:"):
            for writer in writers:
                writer.write(part.encode())
            async with asyncio.timeout(1), dialogue(gateway) as (reader, writer):
                writer.write(f"{GOOD}\r\n".encode())
                assert (await read_head(reader)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("length", [400, 70_000])
async def test_a_steady_slow_upload_is_progress(stage: Stage, length: int) -> None:
    """Several times longer than any pause may be."""
    stage.promise("payments", UPLOAD)
    async with (
        serving(echo) as payments,
        stage.gateway(payments_url=payments, client_seconds=0.5) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {length}\r\n\r\n".encode())
        writer.write(bytes(length - 400))
        for _ in range(20):
            await asyncio.sleep(0.1)
            writer.write(bytes(20))
        assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 200")


async def test_a_steady_slow_download_is_not_cut(stage: Stage) -> None:
    """The kernel holds so much of it that for a long time nothing leaves the gateway's own buffer."""
    size = 16 * MEGABYTE
    listener = listening_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MEGABYTE)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size))
        await writer.drain()
        await reader.read()

    stage.promise("payments", UPLOAD)
    loop = asyncio.get_running_loop()
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url, listener=listener, unread_seconds=1) as gateway,
    ):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", int(gateway.rsplit(":", 1)[1])))
            await loop.sock_sendall(client, f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
            for _ in range(40):
                assert await asyncio.wait_for(loop.sock_recv(client, 2048), 5)
                await asyncio.sleep(0.1)
            assert payments.closed == 0
        await payments.until_closed(1)


async def test_a_small_answer_that_is_not_read_does_not_keep_a_closed_connection(stage: Stage) -> None:
    """Too small to hold its service back, and a close waits until the last byte is taken."""
    listener = listening_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    stage.promise("payments", UPLOAD)
    request = f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\nConnection: close\r\n\r\n".encode()
    narrow: dict[str, Any] = {"unread_seconds": 0.5, "connections_per_address": 1}
    async with (
        scripted(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000))) as payments,
        stage.gateway(payments_url=payments.url, listener=listener, **narrow) as gateway,
    ):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.bind(("127.0.0.2", 0))
            client.connect(("127.0.0.1", int(gateway.rsplit(":", 1)[1])))
            client.sendall(request)
            await payments.until_closed(1)
            await asyncio.sleep(1)
            async with dialogue(gateway, "127.0.0.2") as (reader, writer):
                writer.write(b"GET /livez HTTP/1.1\r\nHost: my.ili\r\n\r\n")
                assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 200")
