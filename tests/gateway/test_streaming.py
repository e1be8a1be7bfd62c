"""Bodies pass through in pieces, in both directions."""

import asyncio
import hashlib

import httpx
import pytest

from tests.gateway.bill_files import MEGABYTE, PATH, UPLOAD
from tests.gateway.processes import GatewayProcess
from tests.gateway.stage import Stage, answering, dialogue, read_head, scripted


async def test_the_first_piece_of_an_answer_arrives_before_the_last_is_made(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    first_arrived = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        await first_arrived.wait()
        writer.write(b" last")

    stage.promise("payments", UPLOAD)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        client.stream("GET", f"{gateway}{PATH}") as answer,
    ):
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"first"
        first_arrived.set()
        assert await anext(pieces) == b" last"


async def test_the_head_of_an_answer_arrives_before_its_body(stage: Stage, client: httpx.AsyncClient) -> None:
    head_arrived = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        await head_arrived.wait()
        writer.write(b"body")

    stage.promise("payments", UPLOAD)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        client.stream("GET", f"{gateway}{PATH}") as answer,
    ):
        assert answer.status_code == 200
        head_arrived.set()
        assert await answer.aread() == b"body"


@pytest.mark.parametrize("framing", ["Content-Length: 100005", "Transfer-Encoding: chunked"])
async def test_the_first_piece_of_a_long_request_arrives_before_the_last_is_sent(stage: Stage, framing: str) -> None:
    first_arrived, last_arrived = asyncio.Event(), asyncio.Event()
    chunked = "chunked" in framing

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        received = b""
        for word, arrived in ((b"first", first_arrived), (b" last", last_arrived)):
            while word not in received:
                received += await reader.read(65_536)
            arrived.set()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await reader.read()

    def piece(text: str) -> bytes:
        return (f"{len(text):x}\r\n{text}\r\n" if chunked else text).encode()

    stage.promise("payments", UPLOAD)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\n{framing}\r\n\r\n".encode())
        writer.write(piece("first".rjust(100_000)))
        await asyncio.wait_for(first_arrived.wait(), 5)
        writer.write(piece(" last") + (b"0\r\n\r\n" if chunked else b""))
        await asyncio.wait_for(last_arrived.wait(), 5)
        assert (await read_head(reader)).startswith(b"HTTP/1.1 204")


async def test_200_megabytes_pass_through_little_memory(gateway_process: GatewayProcess) -> None:
    """Up and down at once, in a real process whose memory is measured throughout."""
    size = 200 * MEGABYTE
    block = bytes(range(256)) * 256
    expected = hashlib.sha256(block * (size // len(block))).hexdigest()

    async def mirror(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Sends the body back while it arrives."""
        await read_head(reader)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // len(block)):
            writer.write(await reader.readexactly(len(block)))
            await writer.drain()
        await reader.read()

    async with scripted(mirror, gateway_process.payments_port), dialogue(gateway_process.url) as (reader, writer):
        before = peak = gateway_process.memory()
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {size}\r\n\r\n".encode())

        async def send() -> None:
            for _ in range(size // len(block)):
                writer.write(block)
                await writer.drain()

        sending = asyncio.create_task(send())
        await read_head(reader)
        returned, digest = 0, hashlib.sha256()
        while returned < size:
            piece = await asyncio.wait_for(reader.read(MEGABYTE), 10)
            assert piece, f"cut after {returned} bytes"
            digest.update(piece)
            returned += len(piece)
            peak = max(peak, gateway_process.memory())
        await sending
    assert digest.hexdigest() == expected
    assert peak - before < 30 * MEGABYTE


async def test_an_answer_that_comes_early_is_passed_on_while_the_body_is_still_sent(stage: Stage) -> None:
    """A service that refuses a file by its head does not have to take all of it."""
    refused = b"HTTP/1.1 415 Unsupported Media Type\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    stage.promise("payments", UPLOAD)
    async with scripted(answering(refused)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for _ in range(10):  # the service resets the connection, at a moment that differs
            async with dialogue(gateway) as (reader, writer):
                head = f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {8 * MEGABYTE}\r\n\r\n"
                writer.write(head.encode() + bytes(MEGABYTE))
                assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 415")
                assert await reader.readexactly(2) == b"no"


async def test_a_client_that_sends_all_before_it_reads_gets_an_early_answer_too(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Refuses by the head and drops the rest, as uvicorn does."""
        await read_head(reader)
        writer.write(b"HTTP/1.1 415 Unsupported Media Type\r\nContent-Length: 2\r\n\r\nno")
        while await reader.read(MEGABYTE):
            pass

    stage.promise("payments", UPLOAD)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for _ in range(3):
            answer = await client.put(f"{gateway}{PATH}", content=bytes(8 * MEGABYTE))
            assert (answer.status_code, answer.text) == (415, "no")
