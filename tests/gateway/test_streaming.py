"""Bodies pass through in pieces, in both directions, at the pace of whoever is slower, and within their limits."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.gateway.processes import GatewayProcess
from tests.gateway.stage import Stage, answering, dialogue, echo, read_head, say, scripted, serving

MEGABYTE = 1024 * 1024
FILE = "PUT /payments/v1/bill-files/{file_name}"
UPLOAD = {
    FILE: {"x-max-body-bytes": 512 * MEGABYTE, "x-timeout-seconds": 30},
    "GET /payments/v1/bill-files/{file_name}": {},
}
PATH = "/payments/v1/bill-files/may.csv"


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


@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
async def test_the_first_piece_of_a_request_arrives_before_the_last_is_sent(stage: Stage, framing: str) -> None:
    first_arrived, last_arrived = asyncio.Event(), asyncio.Event()
    chunked = "chunked" in framing

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await reader.readuntil(b"first")
        first_arrived.set()
        await reader.readuntil(b" last")
        last_arrived.set()
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
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\n{framing}\r\n\r\n".encode() + piece("first"))
        await asyncio.wait_for(first_arrived.wait(), 5)
        writer.write(piece(" last") + (b"0\r\n\r\n" if chunked else b""))
        await asyncio.wait_for(last_arrived.wait(), 5)
        assert (await read_head(reader)).startswith(b"HTTP/1.1 204")


async def test_200_megabytes_pass_through_little_memory(gateway_process: GatewayProcess) -> None:
    """Up and down at once, in a real process whose memory is looked at all the while."""
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


async def test_a_service_that_does_not_take_a_body_holds_its_sender_back(stage: Stage) -> None:
    go_on = asyncio.Event()
    size = 64 * MEGABYTE

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a service that is busy
        await go_on.wait()
        reader._transport.resume_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        received = 0
        while received < size:
            received += len(await reader.read(MEGABYTE))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    stage.promise("payments", UPLOAD)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {size}\r\n\r\n".encode())
        sent = await sent_until_held_back(writer, size)
        # What fits into the buffers of four sockets, and into the gateway's own.
        assert sent < 24 * MEGABYTE
        go_on.set()
        while sent < size:
            writer.write(bytes(MEGABYTE))
            await writer.drain()
            sent += MEGABYTE
        assert (await read_head(reader)).startswith(b"HTTP/1.1 204")


async def sent_until_held_back(writer: asyncio.StreamWriter, size: int) -> int:
    sent = 0
    while sent < size:
        writer.write(bytes(MEGABYTE))
        sent += MEGABYTE
        try:
            await asyncio.wait_for(writer.drain(), 0.7)
        except TimeoutError:
            return sent
    return sent


async def test_a_client_that_does_not_take_an_answer_holds_its_service_back(stage: Stage) -> None:
    size = 64 * MEGABYTE
    sent = 0
    held_back = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_head(reader)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        sent = await sent_until_held_back(writer, size)
        held_back.set()
        await writer.drain()
        for _ in range(sent, size, MEGABYTE):
            writer.write(bytes(MEGABYTE))
            await writer.drain()
        await reader.read()

    stage.promise("payments", UPLOAD)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a client that is busy
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
        await asyncio.wait_for(held_back.wait(), 10)
        assert sent < 24 * MEGABYTE
        reader._transport.resume_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        await read_head(reader)
        received = 0
        while received < size:
            received += len(await asyncio.wait_for(reader.read(MEGABYTE), 10))
        assert received == size


async def test_a_service_that_never_takes_a_body_is_slow(stage: Stage) -> None:
    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a service that hangs
        await asyncio.sleep(30)

    stage.promise("payments", {FILE: {"x-max-body-bytes": 64 * MEGABYTE, "x-timeout-seconds": 0.5}})
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {64 * MEGABYTE}\r\n\r\n".encode())
        await sent_until_held_back(writer, 64 * MEGABYTE)
        assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 504")


async def test_a_long_upload_may_take_longer_than_the_wait_for_an_answer(stage: Stage) -> None:
    """The clock of the service starts when it has the whole request."""
    stage.promise("payments", {FILE: {"x-timeout-seconds": 0.4}})
    async with (
        serving(echo) as payments,
        stage.gateway(payments_url=payments) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 10\r\n\r\n".encode())
        for _ in range(10):
            await asyncio.sleep(0.1)
            writer.write(b"x")
        assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 200")


async def test_a_client_that_stops_in_the_middle_of_its_body_is_not_waited_for(stage: Stage) -> None:
    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    stage.promise("payments", UPLOAD)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url, client_seconds=0.3) as gateway:
        status, answer = await say(
            gateway, f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 10\r\n\r\nhalf".encode()
        )
        assert (status, b"client_slow" in answer) == (408, True)
        await payments.until_closed(1)


async def test_a_client_that_sends_next_to_nothing_is_not_waited_for(stage: Stage) -> None:
    """Each byte comes in time, and the whole would take an hour."""

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    stage.promise("payments", UPLOAD)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url, client_seconds=0.5) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 36000\r\n\r\n".encode())
        answer = asyncio.create_task(read_head(reader))
        async with asyncio.timeout(5):
            while not answer.done():
                writer.write(b"x")
                await asyncio.sleep(0.1)
        assert (await answer).startswith(b"HTTP/1.1 408")
        await payments.until_closed(1)


async def test_an_answer_that_comes_early_is_passed_on_while_the_body_is_still_sent(stage: Stage) -> None:
    """A service that refuses a file by its head does not have to take all of it."""
    refused = b"HTTP/1.1 415 Unsupported Media Type\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    stage.promise("payments", UPLOAD)
    async with (
        scripted(answering(refused)) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {8 * MEGABYTE}\r\n\r\n".encode())
        head = await asyncio.wait_for(read_head(reader), 5)
        assert head.startswith(b"HTTP/1.1 415")
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


class TestLimits:
    """1 MiB unless the contract says otherwise."""

    async def test_a_body_of_exactly_the_limit_passes(self, stage: Stage, client: httpx.AsyncClient) -> None:
        stage.promise("payments", {FILE: {}})
        async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
            answer = await client.put(f"{gateway}{PATH}", content=bytes(MEGABYTE))
        assert answer.status_code == 200
        assert len(answer.json()["body"]) == MEGABYTE

    @pytest.mark.parametrize("announced", [MEGABYTE + 1, 4 * MEGABYTE, 10**15])
    async def test_an_announced_excess_is_refused_before_a_service_sees_it(self, stage: Stage, announced: int) -> None:
        stage.promise("payments", {FILE: {}})
        async with stage.gateway() as gateway:
            status, answer = await say(
                gateway, f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {announced}\r\n\r\n".encode()
            )
        assert (status, b'"content_too_large"' in answer) == (413, True)
        assert f'"limit_bytes": {MEGABYTE}'.encode() in answer

    async def test_an_unannounced_excess_is_cut_off_while_it_streams(
        self, stage: Stage, client: httpx.AsyncClient
    ) -> None:
        received = asyncio.get_running_loop().create_future()

        async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            body = b""
            while piece := await reader.read(MEGABYTE):
                body += piece
            received.set_result(body)

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield bytes(64 * 1024)

        stage.promise("payments", {FILE: {}})
        async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
            answer = await client.put(f"{gateway}{PATH}", content=pieces())
            body = await asyncio.wait_for(received, 5)
        assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")
        assert len(body) < MEGABYTE + 64 * 1024
        assert not body.endswith(b"0\r\n\r\n"), "the service must not take what it got for the whole"

    async def test_a_client_that_sends_all_before_it_reads_is_told_too(
        self, stage: Stage, client: httpx.AsyncClient
    ) -> None:
        stage.promise("payments", {FILE: {}})
        async with stage.gateway() as gateway:
            answer = await client.put(f"{gateway}{PATH}", content=bytes(16 * MEGABYTE))
        assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")

    async def test_a_client_that_asks_first_need_not_send(self, stage: Stage) -> None:
        stage.promise("payments", {FILE: {}})
        request = (
            f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {2 * MEGABYTE}\r\nExpect: 100-continue\r\n\r\n"
        )
        async with stage.gateway() as gateway:
            started = time.monotonic()
            status, _ = await say(gateway, request.encode())
        assert status == 413
        assert time.monotonic() - started < 2

    async def test_a_client_that_asks_first_is_told_to_go_on(self, stage: Stage) -> None:
        stage.promise("payments", {FILE: {}})
        async with (
            serving(echo) as payments,
            stage.gateway(payments_url=payments) as gateway,
            dialogue(gateway) as (reader, writer),
        ):
            head = f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
            writer.write(head.encode())
            assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 100")
            writer.write(b"body")
            assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 200")

    async def test_a_refused_short_body_leaves_the_connection_usable(self, stage: Stage) -> None:
        stage.promise("payments", {FILE: {"security": [{"access_token": []}]}})
        async with stage.gateway() as gateway, dialogue(gateway) as (reader, writer):
            for _ in range(3):
                writer.write(f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 4\r\n\r\nbody".encode())
                head = (await asyncio.wait_for(read_head(reader), 5)).lower()
                assert head.startswith(b"http/1.1 401")
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
