"""The slower side sets the pace, and a side that is too slow is cut off."""

import asyncio

from tests.gateway.bill_files import FILE, MEGABYTE, PATH, UPLOAD
from tests.gateway.stage import Stage, dialogue, echo, read_head, say, scripted, serving


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
        for sent, length in ((b"half", 10), (bytes(100_000), 200_000)):
            head = f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: {length}\r\n\r\n".encode()
            status, answer = await say(gateway, head + sent)
            assert (status, b"client_slow" in answer) == (408, True)
        await payments.until_closed(1)
        assert payments.connections == 1, "half of a small body is never sent on"


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
        assert payments.connections == 0
