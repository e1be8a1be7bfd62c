"""Connections to services: kept, renewed when stale, and bounded in number."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.gateway.stage import (
    Stage,
    dialogue,
    echo,
    read_head,
    reset,
    say,
    scripted,
    serving,
    staying,
    unused_port,
)

BILL: dict[str, dict[str, object]] = {
    f"{method} /payments/v1/bills/{{bill_id}}": {} for method in ("GET", "POST", "PUT", "DELETE")
}
PATH = "/payments/v1/bills/1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_a_connection_is_kept_for_the_next_request(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with scripted(staying(OK)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for _ in range(20):
            assert (await client.get(f"{gateway}{PATH}")).text == "ok"
        assert payments.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        OK + b"more",
    ],
    ids=["closed by the service", "HTTP/1.0", "a second answer", "bytes too many"],
)
async def test_a_connection_that_cannot_be_trusted_is_not_kept(
    stage: Stage, client: httpx.AsyncClient, answer: bytes
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        await reader.read()

    stage.promise("payments", BILL)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for expected in range(1, 4):
            got = await client.get(f"{gateway}{PATH}")
            assert (got.status_code, got.text) == (200, "ok")
            assert payments.connections == expected


async def test_a_connection_with_half_a_request_on_it_carries_no_other(stage: Stage, client: httpx.AsyncClient) -> None:
    """The service answered early and keeps the connection; it would take the next request for the missing half."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK)
        while await reader.read(65_536):
            pass

    stage.promise("payments", BILL)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        async with dialogue(gateway) as (reader, writer):
            writer.write(f"POST {PATH} HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 200000\r\n\r\n".encode())
            writer.write(bytes(100_000))
            assert (await read_head(reader)).startswith(b"HTTP/1.1 200")
            await payments.until_closed(1)
        assert (await client.get(f"{gateway}{PATH}")).text == "ok"
        assert payments.connections == 2


async def test_bytes_between_two_requests_end_the_connection(stage: Stage, client: httpx.AsyncClient) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK)
        await asyncio.sleep(0.1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        await reader.read()

    stage.promise("payments", BILL)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        assert (await client.get(f"{gateway}{PATH}")).text == "ok"
        await payments.until_closed(1)
        assert (await client.get(f"{gateway}{PATH}")).text == "ok"


async def closes_after_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers once, and drops the connection at the very moment a second request arrives."""
    await read_head(reader)
    writer.write(OK)
    await read_head(reader)
    reset(writer)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_stale_connection_is_renewed_for_an_idempotent_request(
    stage: Stage, client: httpx.AsyncClient, method: str
) -> None:
    stage.promise("payments", BILL)
    async with scripted(closes_after_one) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for _ in range(2):
            assert (await client.request(method, f"{gateway}{PATH}")).text == "ok"
        assert payments.connections == 2


@pytest.mark.parametrize(("method", "body"), [("POST", b""), ("POST", b"{}"), ("PUT", b"{}")])
async def test_what_might_be_done_twice_is_not_sent_twice(
    stage: Stage, client: httpx.AsyncClient, method: str, body: bytes
) -> None:
    stage.promise("payments", BILL)
    async with scripted(closes_after_one) as payments, stage.gateway(payments_url=payments.url) as gateway:
        assert (await client.get(f"{gateway}{PATH}")).text == "ok"
        got = await client.request(method, f"{gateway}{PATH}", content=body)
        assert (got.status_code, got.json()["code"]) == (502, "service_broken")
        assert payments.connections == 1


async def test_a_new_connection_that_breaks_is_not_tried_again(stage: Stage, client: httpx.AsyncClient) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reset(writer)

    stage.promise("payments", BILL)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        assert (await client.get(f"{gateway}{PATH}")).status_code == 502
        assert payments.connections == 1


async def test_requests_beyond_the_bound_wait_for_their_turn(stage: Stage) -> None:
    at_once, most = 0, 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        while True:
            await read_head(reader)
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.02)
            at_once -= 1
            writer.write(OK)

    stage.promise("payments", BILL)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url, upstream_connections=4) as gateway,
        httpx.AsyncClient(timeout=30) as client,
    ):
        answers = await asyncio.gather(*(client.get(f"{gateway}{PATH}") for _ in range(40)))
    assert [answer.status_code for answer in answers] == [200] * 40
    assert most == 4


async def test_a_request_whose_turn_does_not_come_is_told_so(stage: Stage, client: httpx.AsyncClient) -> None:
    reached = asyncio.Event()

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reached.set()
        await reader.read()

    stage.promise("payments", BILL)
    narrow: dict[str, Any] = {"upstream_connections": 1, "connect_seconds": 0.2, "answer_seconds": 2}
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url, **narrow) as gateway:
        first = asyncio.create_task(client.get(f"{gateway}{PATH}"))
        await reached.wait()
        second = await client.get(f"{gateway}{PATH}")
        assert (second.status_code, second.json()["code"]) == (503, "service_busy")
        assert "retry-after" in second.headers
        assert (await first).status_code == 504


async def test_turns_come_back_however_a_request_ended(stage: Stage, client: httpx.AsyncClient) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reset(writer)

    port = unused_port()
    narrow: dict[str, Any] = {"upstream_connections": 1, "connect_seconds": 0.2}
    stage.promise("payments", BILL)
    async with stage.gateway(payments_url=f"http://127.0.0.1:{port}", **narrow) as gateway:
        for _ in range(3):
            assert (await client.get(f"{gateway}{PATH}")).json()["code"] == "service_absent"
        async with scripted(script, port):
            for _ in range(3):
                assert (await client.get(f"{gateway}{PATH}")).json()["code"] == "service_broken"
        async with scripted(staying(OK), port):
            for _ in range(3):
                assert (await client.get(f"{gateway}{PATH}")).text == "ok"


async def test_pipelined_requests_are_answered_in_order(stage: Stage) -> None:
    stage.promise("payments", BILL)
    async with (
        serving(echo) as payments,
        stage.gateway(payments_url=payments) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        for number in range(5):
            writer.write(f"GET /payments/v1/bills/{number} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
        for number in range(5):
            head = await read_head(reader)
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            assert f'"/payments/v1/bills/{number}"'.encode() in await reader.readexactly(length)


async def test_500_requests_at_once_each_get_their_own_answer(stage: Stage) -> None:
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments, upstream_connections=50) as gateway:

        async def ask(number: int) -> bool:
            body = f"{number}:" * (1 + number % 700)
            target, identifier = f"/payments/v1/bills/{number}?n={number}", f"request-{number:06}"
            status, answer = await say(
                gateway,
                f"POST {target} HTTP/1.1\r\nHost: my.ili\r\nX-Request-ID: {identifier}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode(),
            )
            head, _, content = answer.partition(b"\r\n\r\n")
            seen = json.loads(content)
            return (
                status == 200
                and f"x-request-id: {identifier}".encode() in head
                and ["x-request-id", identifier] in seen["headers"]
                and (seen["target"], seen["body"]) == (target, body)
            )

        assert all(await asyncio.gather(*(ask(number) for number in range(500))))
