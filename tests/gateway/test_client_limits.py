"""How much of the door one client address may take, and how the excess is refused."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.addresses import Quota, address_key
from tests.gateway.bill_files import PATH, UPLOAD
from tests.gateway.stage import Stage, dialogue, echo, read_head, scripted, serving

Dialogue = tuple[asyncio.StreamReader, asyncio.StreamWriter]
BILLS: dict[str, dict[str, object]] = {"GET /payments/v1/bills": {}, "POST /payments/v1/bills": {}}
GET = b"GET /payments/v1/bills HTTP/1.1\r\nHost: my.ili\r\n\r\n"
HALF = b"POST /payments/v1/bills HTTP/1.1\r\nHost: my.ili\r\nContent-Length: 10\r\n\r\nhalf"


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
        ("", ""),
        (None, ""),
    ],
)
def test_an_address_is_counted_by_what_one_subscriber_gets(host: str | None, key: str) -> None:
    assert address_key(host) == key


def test_a_quota_forgets_an_address_that_uses_nothing() -> None:
    quota = Quota(2)
    assert [quota.take("a"), quota.take("a"), quota.take("a"), quota.take("b")] == [True, True, False, True]
    quota.give_back("a")
    assert quota.take("a")
    for address in ("a", "a", "b"):
        quota.give_back(address)
    assert vars(quota)["_used"] == {}


@contextlib.asynccontextmanager
async def connected(gateway: str, number: int, source: str) -> AsyncIterator[list[Dialogue]]:
    """Connections that the gateway has seen: each has had an answer."""
    async with contextlib.AsyncExitStack() as stack:
        dialogues = [await stack.enter_async_context(dialogue(gateway, source)) for _ in range(number)]
        for reader, writer in dialogues:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: my.ili\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"}"), 5)
        yield dialogues


async def refusal(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status and code of a refusal after which the gateway closes the connection."""
    head = (await asyncio.wait_for(read_head(reader), 5)).lower()
    body = json.loads(await asyncio.wait_for(reader.read(), 10))
    assert b"content-type: application/problem+json" in head
    assert b"\r\nconnection: close\r\n" in head
    assert b"\r\nretry-after: " in head
    return int(head.split(b" ")[1]), body["code"]


async def test_connections_of_one_address_are_bounded(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILLS)
    async with serving(echo) as payments, stage.gateway(payments_url=payments, connections_per_address=5) as gateway:
        async with connected(gateway, 5, "127.0.0.2") as held:
            for _ in range(3):
                async with dialogue(gateway, "127.0.0.2") as (reader, writer):
                    writer.write(GET)
                    assert await refusal(reader) == (429, "too_many_connections")
            assert (await client.get(f"{gateway}/payments/v1/bills")).status_code == 200
            held[0][1].write(GET)
            assert (await asyncio.wait_for(read_head(held[0][0]), 5)).startswith(b"HTTP/1.1 200")
        async with connected(gateway, 5, "127.0.0.2"):
            pass


async def test_all_connections_together_are_bounded(stage: Stage) -> None:
    stage.promise("payments", BILLS)
    async with stage.gateway(client_connections=4) as gateway:
        async with (
            connected(gateway, 2, "127.0.0.2"),
            connected(gateway, 2, "127.0.0.3"),
            dialogue(gateway, "127.0.0.4") as (reader, writer),
        ):
            writer.write(GET)
            assert await refusal(reader) == (503, "connections_exhausted")
        async with connected(gateway, 4, "127.0.0.4"):
            pass


async def test_mapped_addresses_are_counted_as_the_ipv4_addresses_they_are(stage: Stage) -> None:
    """On a socket for both protocols every IPv4 client has an address in one IPv6 /64."""
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    stage.promise("payments", BILLS)
    async with (
        stage.gateway(listener=listener, connections_per_address=3) as gateway,
        connected(gateway, 3, "127.0.0.2"),
        connected(gateway, 3, "127.0.0.3"),
        dialogue(gateway, "127.0.0.2") as (reader, writer),
    ):
        writer.write(GET)
        assert await refusal(reader) == (429, "too_many_connections")


async def test_one_half_sent_request_too_many_ends_the_oldest_of_its_address(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.promise("payments", BILLS)
    async with (
        serving(echo) as payments,
        stage.gateway(payments_url=payments, half_sent_per_address=3) as gateway,
        connected(gateway, 1, "127.0.0.3") as other,
        connected(gateway, 5, "127.0.0.2") as attackers,
    ):
        other[0][1].write(HALF)
        for _, writer in attackers:
            writer.write(HALF)
            await asyncio.sleep(0.05)
        for reader, _ in attackers[:2]:
            assert await refusal(reader) == (429, "too_many_half_sent")
        for reader, writer in (*attackers[2:], *other):
            writer.write(b" sent.")
            assert (await asyncio.wait_for(read_head(reader), 5)).startswith(b"HTTP/1.1 200")
        assert (await client.post(f"{gateway}/payments/v1/bills", content=b"{}")).status_code == 200


async def test_neighbours_of_an_attacker_send_in_two_pieces(stage: Stage) -> None:
    """Behind one address with it, as many are: a head and its body often arrive apart."""
    stage.promise("payments", BILLS)
    async with (
        serving(echo) as payments,
        stage.gateway(payments_url=payments, half_sent_per_address=20) as gateway,
        connected(gateway, 50, "127.0.0.2") as attackers,
        connected(gateway, 1, "127.0.0.2") as neighbours,
    ):
        for _, writer in attackers:
            writer.write(HALF)
        for reader, _ in attackers[:30]:
            assert await refusal(reader) == (429, "too_many_half_sent")
        [(reader, writer)] = neighbours
        for _ in range(5):
            writer.write(HALF)
            await asyncio.sleep(0.05)
            writer.write(b" sent.")
            head = await asyncio.wait_for(read_head(reader), 5)
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))


async def test_a_half_sent_head_behind_a_request_in_progress_gets_no_answer_in_its_place(stage: Stage) -> None:
    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    stage.promise("payments", BILLS)
    async with (
        scripted(hang) as payments,
        stage.gateway(payments_url=payments.url, half_sent_per_address=1) as gateway,
        connected(gateway, 2, "127.0.0.2") as [(reader, writer), (_, second)],
    ):
        writer.write(GET + GET[:10])
        await asyncio.sleep(0.1)
        second.write(HALF)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_transfers_are_counted_by_the_64_of_an_address(stage: Stage) -> None:
    """As a trusted balancer names it; addresses of one subscriber's network share a limit."""
    stage.promise("payments", UPLOAD)
    reached = asyncio.Semaphore(0)

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reached.release()
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a service that hangs
        await asyncio.sleep(30)

    async def upload(stack: contextlib.AsyncExitStack, gateway: str, client: str) -> asyncio.StreamReader:
        reader, writer = await stack.enter_async_context(dialogue(gateway))
        head = f"PUT {PATH} HTTP/1.1\r\nHost: my.ili\r\nX-Forwarded-For: {client}\r\nContent-Length: 200000\r\n\r\n"
        writer.write(head.encode() + bytes(100_000))
        return reader

    async with (
        contextlib.AsyncExitStack() as stack,
        scripted(hang) as payments,
        stage.gateway(payments_url=payments.url, transfers_per_address=2, trusted_proxy="127.0.0.1") as gateway,
    ):
        for client in ("2001:db8:1:2::1", "2001:db8:1:2::2"):
            await upload(stack, gateway, client)
            await asyncio.wait_for(reached.acquire(), 5)
        third = await upload(stack, gateway, "2001:db8:1:2:ffff::3")
        assert (await asyncio.wait_for(read_head(third), 5)).startswith(b"HTTP/1.1 429")
        await upload(stack, gateway, "2001:db8:1:3::1")
        await asyncio.wait_for(reached.acquire(), 5)
