"""How large a body may be."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.gateway.bill_files import FILE, MEGABYTE, PATH
from tests.gateway.stage import Stage, dialogue, echo, read_head, say, scripted, serving


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

    async def test_a_client_that_sends_all_before_it_reads_gets_the_refusal(
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
