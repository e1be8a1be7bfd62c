"""Services that are absent, slow or broken: a clear answer when there was none yet, a cut connection when there was."""

import asyncio
import time

import httpx
import pytest

from tests.gateway.stage import (
    Handler,
    Stage,
    answering,
    dialogue,
    echo,
    read_head,
    reset,
    scripted,
    serving,
    unused_port,
)

BILL = {
    "GET /payments/v1/bills/{bill_id}": {"x-timeout-seconds": 0.4},
    "POST /payments/v1/bills/{bill_id}": {"x-timeout-seconds": 0.4},
}
PATH = "/payments/v1/bills/1"
GET = f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode()


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    await reader.read()


async def reset_after_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    reset(writer)


def beginning(answer: bytes, then: str) -> Handler:
    """A script that begins an answer with a body of 100 bytes and then hangs, closes or resets."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        await writer.drain()
        if then == "hang":
            await reader.read()
        if then == "reset":
            await asyncio.sleep(0.05)  # a reset at once would overtake the bytes before it
            reset(writer)

    return script


async def test_an_absent_service_is_told_as_unavailable(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway:
        for send in (client.get, client.post):
            answer = await send(f"{gateway}{PATH}", headers={"Accept-Language": "en"})
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
            problem = answer.json()
            assert (problem["code"], problem["service"]) == ("service_absent", "payments")
            assert problem["instance"] == f"urn:myili:request:{answer.headers['x-request-id']}"


async def test_a_service_that_comes_back_is_used_at_once(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    port = unused_port()
    async with stage.gateway(payments_url=f"http://127.0.0.1:{port}") as gateway:
        assert (await client.get(f"{gateway}{PATH}")).status_code == 503
        async with scripted(answering(b"HTTP/1.1 204 No Content\r\n\r\n"), port):
            assert (await client.get(f"{gateway}{PATH}")).status_code == 204


async def test_one_absent_service_does_not_touch_the_others(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    stage.promise("miniapps", {"GET /miniapps/v1/categories": {}})
    async with serving(echo) as miniapps, stage.gateway(miniapps_url=miniapps) as gateway:
        assert (await client.get(f"{gateway}{PATH}")).status_code == 503
        assert (await client.get(f"{gateway}/miniapps/v1/categories")).status_code == 200


async def test_a_host_that_does_not_exist_is_absent(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with stage.gateway(payments_url="http://payments.invalid:8003") as gateway:
        answer = await client.get(f"{gateway}{PATH}")
    assert (answer.status_code, answer.json()["code"]) == (503, "service_absent")


async def test_a_service_that_accepts_no_connection_is_absent(stage: Stage, client: httpx.AsyncClient) -> None:
    """An address that drops packets: its queue of connections is full, and nothing accepts."""
    import socket

    stage.promise("payments", BILL)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        async with stage.gateway(payments_url=url, connect_seconds=0.3) as gateway:
            answer = await client.get(f"{gateway}{PATH}")
        for one in waiting:
            one.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "service_absent")


async def test_a_slow_service_is_not_waited_for_longer_than_its_contract_says(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.promise("payments", BILL)
    async with scripted(hang) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for send in (client.get, client.post):
            started = time.monotonic()
            answer = await send(f"{gateway}{PATH}")
            assert 0.4 <= time.monotonic() - started < 2
            assert (answer.status_code, answer.json()["code"]) == (504, "service_slow")
        # The gateway has closed the connections of the abandoned requests.
        await payments.until_closed(2)


async def test_the_default_patience_is_the_gateways(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", {"GET /payments/v1/bills/{bill_id}": {}})
    async with scripted(hang) as payments, stage.gateway(payments_url=payments.url, answer_seconds=0.2) as gateway:
        answer = await client.get(f"{gateway}{PATH}")
    assert answer.status_code == 504


async def test_a_service_that_keeps_moving_may_take_its_time(stage: Stage, client: httpx.AsyncClient) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.15)
            writer.write(b"x")

    stage.promise("payments", BILL)
    async with scripted(trickle) as payments, stage.gateway(payments_url=payments.url) as gateway:
        answer = await client.get(f"{gateway}{PATH}")
    assert answer.content == b"x" * 8


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTT",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n",
        b"garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff" * 100,
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nbody",
    ],
    ids=lambda answer: repr(answer[:24]),
)
async def test_what_is_no_answer_is_told_as_broken(stage: Stage, client: httpx.AsyncClient, answer: bytes) -> None:
    stage.promise("payments", BILL)
    async with scripted(answering(answer)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        got = await client.get(f"{gateway}{PATH}")
    assert (got.status_code, got.json()["code"]) == (502, "service_broken")


async def test_an_endless_head_is_told_as_broken(stage: Stage, client: httpx.AsyncClient) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            writer.write(b"a" * 10_000)
            await writer.drain()

    stage.promise("payments", BILL)
    async with scripted(endless) as payments, stage.gateway(payments_url=payments.url) as gateway:
        started = time.monotonic()
        got = await client.get(f"{gateway}{PATH}")
        assert (got.status_code, got.json()["code"]) == (502, "service_broken")
        assert time.monotonic() - started < 0.35, "the size ended it, not the time"


async def test_a_reset_before_the_answer_is_told_as_broken(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with scripted(reset_after_request) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for send in (client.get, client.post):
            got = await send(f"{gateway}{PATH}")
            assert (got.status_code, got.json()["code"]) == (502, "service_broken")


@pytest.mark.parametrize("then", ["close", "reset", "hang"])
@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    ],
    ids=["length", "between chunks", "within a chunk"],
)
async def test_half_an_answer_never_looks_whole(stage: Stage, begun: bytes, then: str) -> None:
    stage.promise("payments", BILL)
    async with scripted(beginning(begun, then)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"{gateway}{PATH}")
        async with dialogue(gateway) as (reader, writer):
            writer.write(GET)
            everything = await asyncio.wait_for(reader.read(), 5)
        assert everything.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"half" in everything
        assert not everything.endswith(b"0\r\n\r\n")
        assert everything.count(b"HTTP/1.1") == 1


async def test_garbage_in_the_middle_of_a_chunked_answer_cuts_it(stage: Stage, client: httpx.AsyncClient) -> None:
    begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n"
    stage.promise("payments", BILL)
    async with scripted(beginning(begun, "hang")) as payments, stage.gateway(payments_url=payments.url) as gateway:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{gateway}{PATH}")
