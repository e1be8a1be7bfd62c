"""What HTTP allows a client to do and servers often get wrong: finish sending early, and offer an upgrade."""

import asyncio
import json
from typing import Any

import pytest

from tests.gateway.stage import LONG_CHUNK, Stage, dialogue, echo, read_head, scripted, serving

BILL: dict[str, dict[str, object]] = {"GET /payments/v1/bills/{bill_id}": {}, "POST /payments/v1/bills/{bill_id}": {}}
GET = "GET /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n"
POST = "POST /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n"
OFFER = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nUpgrade: h2c\r\n"
"""As Java's HttpClient sends it with every first request."""


async def next_answer(reader: asyncio.StreamReader) -> tuple[int, Any]:
    """Status and JSON of the next answer on a connection."""
    head = (await asyncio.wait_for(read_head(reader), 5)).lower()
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split(b" ")[1]), json.loads(await asyncio.wait_for(reader.readexactly(length), 5))


class TestHalfClosed:
    @pytest.mark.parametrize(
        "request_text",
        [f"{GET}\r\n", f"{POST}Content-Length: 4\r\n\r\nbody", f"{POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    )
    async def test_a_client_that_has_finished_sending_gets_its_answer(self, stage: Stage, request_text: str) -> None:
        half_closed = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            await half_closed.wait()
            await asyncio.sleep(0.6)  # longer than the gateway waits before it watches the client
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
            await reader.read()

        stage.promise("payments", BILL)
        async with (
            scripted(script) as payments,
            stage.gateway(payments_url=payments.url) as gateway,
            dialogue(gateway) as (reader, writer),
        ):
            writer.write(request_text.encode())
            writer.write_eof()
            half_closed.set()
            assert await next_answer(reader) == (200, {})
            assert await asyncio.wait_for(reader.read(), 5) == b"", "nothing more can come, so the gateway closes"

    async def test_all_its_requests_are_answered(self, stage: Stage) -> None:
        stage.promise("payments", BILL)
        async with (
            serving(echo) as payments,
            stage.gateway(payments_url=payments) as gateway,
            dialogue(gateway) as (reader, writer),
        ):
            for number in range(5):
                writer.write(f"GET /payments/v1/bills/{number} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
            writer.write_eof()
            for number in range(5):
                assert (await next_answer(reader))[1]["target"] == f"/payments/v1/bills/{number}"
            assert await asyncio.wait_for(reader.read(), 5) == b""

    @pytest.mark.parametrize("half", [GET, f"{POST}Content-Length: 4\r\n\r\nbo", "", "\r\n"])
    async def test_half_a_request_is_the_end(self, stage: Stage, half: str) -> None:
        stage.promise("payments", BILL)
        async with (
            serving(echo) as payments,
            stage.gateway(payments_url=payments) as gateway,
            dialogue(gateway) as (reader, writer),
        ):
            writer.write(half.encode())
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 2) == b""


class TestUpgrade:
    """RFC 9110, 7.8: a server may ignore the offer and answer as if it were not there."""

    @pytest.mark.parametrize("pieces", [1, 7, 10_000], ids=["at once", "in pieces", "byte by byte"])
    @pytest.mark.parametrize("upgrade", [OFFER, OFFER.replace("h2c", "websocket"), OFFER.lower()])
    async def test_a_request_that_offers_one_is_served_with_its_body(
        self, stage: Stage, upgrade: str, pieces: int
    ) -> None:
        stage.promise("payments", BILL)
        requests = [
            (f"{GET}{upgrade}\r\n", ""),
            (f"{POST}{upgrade}Content-Length: 4\r\n\r\nbody", "body"),
            (f"{GET}\r\n", ""),
            (f"{POST}{upgrade}Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", "body"),
            (f"{POST}{upgrade}Content-Length: 0\r\n\r\n", ""),
            (f"{POST}Content-Length: 4\r\n\r\nlast", "last"),
        ]
        everything = "".join(request for request, _ in requests).encode()
        size = max(1, len(everything) // pieces)
        async with (
            serving(echo) as payments,
            stage.gateway(payments_url=payments) as gateway,
            dialogue(gateway) as (reader, writer),
        ):
            for place in range(0, len(everything), size):
                writer.write(everything[place : place + size])
                await writer.drain()
                await asyncio.sleep(0)
            for request, body in requests:
                status, seen = await next_answer(reader)
                assert (status, seen["method"], seen["body"]) == (200, request.split(" ")[0], body)
                names = {name for name, _ in seen["headers"]}
                assert names & {"upgrade", "http2-settings"} == set()

    async def test_a_long_body_behind_an_offer_is_streamed(self, stage: Stage) -> None:
        stage.promise("payments", BILL)
        async with (
            serving(echo) as payments,
            stage.gateway(payments_url=payments) as gateway,
            dialogue(gateway) as (reader, writer),
        ):
            for _ in range(2):
                writer.write(f"{POST}{OFFER}Transfer-Encoding: chunked\r\n\r\n".encode())
                for _ in range(3):
                    writer.write(LONG_CHUNK)
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
                status, seen = await next_answer(reader)
                assert (status, len(seen["body"])) == (200, 3 * 0x20000)

    async def test_a_request_inside_the_body_is_no_request(self, stage: Stage) -> None:
        stage.promise("payments", BILL)
        hidden = f"{GET}\r\n"
        async with (
            serving(echo) as payments,
            stage.gateway(payments_url=payments) as gateway,
            dialogue(gateway) as (reader, writer),
        ):
            writer.write(f"{POST}{OFFER}Content-Length: {len(hidden)}\r\nConnection: close\r\n\r\n".encode())
            await asyncio.sleep(0.1)
            writer.write(hidden.encode())
            status, seen = await next_answer(reader)
            assert (status, seen["body"]) == (200, hidden)
            assert await asyncio.wait_for(reader.read(), 5) == b""

    @pytest.mark.parametrize(
        "framing",
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Content-Length: 4\r\nContent-Length: 5"],
    )
    async def test_an_offer_hides_no_ambiguous_framing(self, stage: Stage, framing: str) -> None:
        stage.promise("payments", BILL)
        async with stage.gateway() as gateway, dialogue(gateway) as (reader, writer):
            writer.write(f"{POST}{OFFER}{framing}\r\n\r\n0\r\n\r\n{GET}\r\n".encode())
            assert (await asyncio.wait_for(reader.read(), 8)).count(b"HTTP/1.1 400") == 1

    async def test_a_tunnel_is_refused(self, stage: Stage) -> None:
        stage.promise("payments", BILL)
        async with stage.gateway() as gateway, dialogue(gateway) as (reader, writer):
            writer.write(b"CONNECT my.ili:443 HTTP/1.1\r\nHost: my.ili\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), 8)).startswith(b"HTTP/1.1 400")


async def test_more_requests_at_once_than_any_client_sends_end_the_connection(stage: Stage) -> None:
    stage.promise("payments", BILL)
    async with (
        serving(echo) as payments,
        stage.gateway(payments_url=payments) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"{GET}\r\n".encode() * 3_000)
        try:
            answers = await asyncio.wait_for(reader.read(), 5)
        except ConnectionError:
            answers = b""
    assert answers.count(b"HTTP/1.1 200") < 100
