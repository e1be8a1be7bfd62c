"""The gateway ends within its stop time whatever its clients do, and finishes what it is answering first."""

import asyncio
import contextlib
import time

import pytest

from tests.gateway.processes import GatewayProcess
from tests.gateway.stage import Stage, dialogue, read_head, reset, scripted

STOP_SECONDS = 10
"""After this, Docker and the supervisor kill."""
PUT = b"PUT /payments/v1/bill-files/may.csv HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 1\r\n\r\nx"
ASSET = b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: my.ili\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


async def until_no_longer_listening(gateway: GatewayProcess) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                async with dialogue(gateway.url):
                    await asyncio.sleep(0.02)
            except ConnectionError:
                return


@pytest.mark.parametrize("later", [PUT * 3, PUT[:-1], PUT[:40]], ids=["three more", "half a body", "half a head"])
async def test_a_client_that_sends_on_gets_the_answer_in_progress_and_no_other(
    gateway_process: GatewayProcess, later: bytes
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_head(reader)
            await reader.readexactly(1)
            reached.set()
            await go_on.wait()
            writer.write(ANSWER)

    async with scripted(script, gateway_process.payments_port), dialogue(gateway_process.url) as (reader, writer):
        writer.write(PUT * 3)
        await reached.wait()
        ending = asyncio.create_task(gateway_process.stop())
        await until_no_longer_listening(gateway_process)
        writer.write(later)
        await asyncio.sleep(0.2)
        go_on.set()
        answers = await asyncio.wait_for(reader.read(), STOP_SECONDS)
        assert await asyncio.wait_for(ending, STOP_SECONDS) == -15
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b"done") == 1
    assert b"\r\nconnection: close\r\n" in answers.lower()


async def test_an_upload_in_progress_is_finished(gateway_process: GatewayProcess) -> None:
    reached = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await reader.readexactly(200_000)
        reached.set()
        await reader.readexactly(200_000)
        writer.write(ANSWER)

    head = PUT.replace(b"Content-Length: 1", b"Content-Length: 400000")[:-1]
    async with scripted(script, gateway_process.payments_port), dialogue(gateway_process.url) as (reader, writer):
        writer.write(head + b"x" * 200_000)
        await reached.wait()
        ending = asyncio.create_task(gateway_process.stop())
        await until_no_longer_listening(gateway_process)
        writer.write(b"x" * 200_000)
        assert (await asyncio.wait_for(reader.read(), STOP_SECONDS)).endswith(b"done")
        assert await asyncio.wait_for(ending, STOP_SECONDS) == -15


async def test_an_answer_that_does_not_come_in_time_is_cut_off_in_one_line(gateway_process: GatewayProcess) -> None:
    reached = asyncio.Event()

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reached.set()
        await reader.read()

    async with scripted(script, gateway_process.payments_port), dialogue(gateway_process.url) as (reader, writer):
        writer.write(PUT)
        await reached.wait()
        assert await asyncio.wait_for(gateway_process.stop(), STOP_SECONDS) == -15
        assert b"200 OK" not in await asyncio.wait_for(reader.read(), 1)
    log = gateway_process.log.read_text("utf-8")
    assert ("Traceback" in log, log.count("request_cut_off")) == (False, 1)


async def test_a_hundred_clients_that_flood_do_not_hold_it_up(gateway_process: GatewayProcess) -> None:
    stopped = asyncio.Event()

    async def flood(reads: bool) -> None:  # noqa: FBT001 - a kind of client
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                async with dialogue(gateway_process.url) as (reader, writer):
                    while not writer.transport.is_closing():
                        writer.write(ASSET * 8)
                        if reads:
                            await reader.read(100_000)
                        await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)

    clients = [asyncio.create_task(flood(number % 2 == 0)) for number in range(100)]
    await asyncio.sleep(2)
    began = time.monotonic()
    assert await gateway_process.stop() == -15
    assert time.monotonic() - began < STOP_SECONDS
    stopped.set()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    assert gateway_process.log.read_text("utf-8").partition("Traceback")[1:] == ("", "")


async def test_a_client_that_leaves_several_requests_behind_ends_the_one_at_the_service(stage: Stage) -> None:
    reached = asyncio.Event()

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reached.set()
        await reader.read()

    stage.promise("payments", {"GET /payments/v1/bills/{bill_id}": {}})
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        async with dialogue(gateway) as (_, writer):
            writer.write(b"GET /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n\r\n" * 3)
            await reached.wait()
            reset(writer)
        await payments.until_closed(1)
        assert payments.connections == 1
