"""A client that leaves ends what is done for it, and never makes half a request a whole one."""

import asyncio

import httpx
import pytest

from tests.gateway.stage import LONG_CHUNK, LONG_CHUNK_BYTES, Stage, dialogue, read_head, reset, scripted, staying

BILL: dict[str, dict[str, object]] = {f"{method} /payments/v1/bills/{{bill_id}}": {} for method in ("GET", "POST")}
PATH = "/payments/v1/bills/1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_a_client_that_resets_its_connection_ends_the_request_at_the_service(stage: Stage) -> None:
    reached = asyncio.Event()

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reached.set()
        await reader.read()

    stage.promise("payments", BILL)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        async with dialogue(gateway) as (_, writer):
            writer.write(f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
            await reached.wait()
            reset(writer)
        await payments.until_closed(1)


async def test_a_client_that_leaves_in_the_middle_of_an_answer_ends_it_at_the_service(stage: Stage) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"4\r\ndata\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    stage.promise("payments", BILL)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        async with dialogue(gateway) as (reader, writer):
            writer.write(f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
            await reader.readuntil(b"data")
        await payments.until_closed(1)


async def test_a_client_that_leaves_in_the_middle_of_a_long_body_leaves_no_whole_body(stage: Stage) -> None:
    begun, received = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        start = await reader.readexactly(LONG_CHUNK_BYTES)
        begun.set()
        received.set_result(start + await reader.read())

    stage.promise("payments", BILL)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        async with dialogue(gateway) as (_, writer):
            writer.write(f"POST {PATH} HTTP/1.1\r\nHost: my.ili\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            writer.write(LONG_CHUNK)
            await asyncio.wait_for(begun.wait(), 5)
        assert not (await asyncio.wait_for(received, 5)).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
async def test_a_client_that_leaves_in_the_middle_of_a_small_body_never_reaches_the_service(
    stage: Stage, client: httpx.AsyncClient, framing: str
) -> None:
    stage.promise("payments", BILL)
    async with scripted(staying(OK)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        async with dialogue(gateway) as (_, writer):
            writer.write(f"POST {PATH} HTTP/1.1\r\nHost: my.ili\r\n{framing}\r\n\r\n3\r\nabc\r\n".encode())
            await writer.drain()
        assert payments.connections == 0
        assert (await client.get(f"{gateway}{PATH}")).text == "ok"
        assert payments.connections == 1


async def test_a_client_that_takes_nothing_is_given_up(stage: Stage) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
            await writer.drain()

    stage.promise("payments", BILL)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url, unread_seconds=0.4) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a client that does not read
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
        await payments.until_closed(1)
