"""The turns at a service are shared out by address, however many requests one address sends."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from gateway.turns import NoTurnError, Share, ShareUsedError, Turns
from tests.gateway.stage import Scripted, Stage, dialogue, read_head, reset, scripted

BILLS = "/payments/v1/bills"
GET = f"GET {BILLS} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode()
ATTACKER = "127.0.0.6"
RESIDENT = "127.0.0.7"
AT_ONCE = 5.0
ROOMY = Share(turns=100, waiting=100)


async def queued(turns: Turns, address: str, order: list[str] | None = None) -> asyncio.Task[None]:
    """A request that waits for a turn, and notes its address when it has it."""

    async def take() -> None:
        await turns.take(address)
        if order is not None:
            order.append(address)

    task = asyncio.create_task(take())
    await asyncio.sleep(0)
    return task


async def test_a_free_turn_goes_to_each_waiting_address_in_order() -> None:
    turns = Turns(1, ROOMY, AT_ONCE)
    await turns.take("a")
    order: list[str] = []
    waiting = [await queued(turns, address, order) for address in ("a", "a", "a", "b", "c")]
    holder = "a"
    for number in range(1, 6):
        turns.give_back(holder)
        async with asyncio.timeout(AT_ONCE):
            await asyncio.wait(waiting[:], return_when=asyncio.FIRST_COMPLETED)
        waiting = [task for task in waiting if not task.done()]
        assert len(order) == number
        holder = order[-1]
    assert order == ["a", "b", "c", "a", "a"]


async def test_an_address_with_its_share_waits_while_turns_are_free_for_others() -> None:
    turns = Turns(10, Share(turns=2, waiting=5), AT_ONCE)
    await turns.take("a")
    await turns.take("a")
    third = await queued(turns, "a")
    await turns.take("b")
    await asyncio.sleep(0)
    assert not third.done()
    turns.give_back("a")
    await asyncio.wait_for(third, AT_ONCE)


async def test_clients_without_an_address_have_no_share() -> None:
    turns = Turns(10, Share(turns=2, waiting=5), AT_ONCE)
    for _ in range(10):
        await asyncio.wait_for(turns.take(""), AT_ONCE)


async def test_one_waiting_request_too_many_is_refused_at_once() -> None:
    turns = Turns(1, Share(turns=1, waiting=2), AT_ONCE)
    await turns.take("a")
    waiting = [await queued(turns, "a") for _ in range(2)]
    with pytest.raises(ShareUsedError):
        await turns.take("a")
    other = await queued(turns, "b")
    turns.give_back("a")
    turns.give_back("a")
    await asyncio.wait_for(other, AT_ONCE)
    for task in waiting:
        task.cancel()


@pytest.mark.parametrize(("holder", "refusal"), [("a", ShareUsedError), ("b", NoTurnError)])
async def test_a_request_that_waits_too_long_is_told_whose_requests_it_waited_for(
    holder: str, refusal: type[Exception]
) -> None:
    turns = Turns(1, Share(turns=1, waiting=2), 0.05)
    await turns.take(holder)
    with pytest.raises(refusal):
        await turns.take("a")


async def test_a_turn_handed_to_a_request_that_has_left_goes_on_to_the_next() -> None:
    turns = Turns(1, ROOMY, AT_ONCE)
    await turns.take("a")
    left_before, left_after, stays = [await queued(turns, address) for address in ("a", "b", "c")]
    left_before.cancel()
    turns.give_back("a")  # to "b", as "a" has left without having noticed yet
    left_after.cancel()
    await asyncio.wait_for(stays, AT_ONCE)
    turns.give_back("c")
    await asyncio.gather(left_before, left_after, return_exceptions=True)
    assert vars(turns)["_claims"] == {}
    assert vars(turns)["_rotation"] == {}
    assert vars(turns)["_free"] == 1


@dataclass
class HeldService:
    """Answers a request only when it is released, and knows the order in which they came."""

    arrived: list[str] = field(default_factory=list)
    in_work: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    released: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await read_head(reader)
            client = head.lower().split(b"x-forwarded-for: ")[1].split(b"\r\n")[0].decode()
            self.in_work[client] += 1
            self.most[client] = max(self.most[client], self.in_work[client])
            async with self.changed:
                self.arrived.append(client)
                self.changed.notify_all()
            if client != RESIDENT:
                await self.released.acquire()
            self.in_work[client] -= 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def until_arrived(self, number: int) -> None:
        async with self.changed, asyncio.timeout(10):
            await self.changed.wait_for(lambda: len(self.arrived) >= number)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Scripted]:
        async with scripted(self.script) as service:
            yield service


async def attack(stack: contextlib.AsyncExitStack, gateway: str, connections: int, pipelined: int) -> None:
    for _ in range(connections):
        reader, writer = await stack.enter_async_context(dialogue(gateway, ATTACKER))
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a client that does not read
        stack.callback(reset, writer)
        writer.write(GET * pipelined)


async def ask(gateway: str, source: str) -> httpx.Response:
    transport = httpx.AsyncHTTPTransport(local_address=source)
    async with httpx.AsyncClient(transport=transport, timeout=10) as client:
        return await client.get(f"{gateway}{BILLS}")


@contextlib.asynccontextmanager
async def attacked(
    stage: Stage,
    connections: int,
    pipelined: int,
    **settings: Any,  # noqa: ANN401 - the settings' types
) -> AsyncIterator[tuple[HeldService, str]]:
    stage.promise("payments", {f"GET {BILLS}": {}})
    held = HeldService()
    async with (
        held.serving() as payments,
        stage.gateway(payments_url=payments.url, **settings) as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        await attack(stack, gateway, connections, pipelined)
        yield held, gateway


async def test_5000_pipelined_requests_of_one_address_take_no_more_than_its_share(stage: Stage) -> None:
    async with attacked(stage, 100, 50, requests_per_address=8) as (held, gateway):
        await held.until_arrived(8)
        for number in range(1, 11):
            assert (await ask(gateway, RESIDENT)).status_code == 200
            held.released.release()
            await held.until_arrived(8 + 2 * number)
        assert held.most[ATTACKER] == 8
        assert held.arrived.count(ATTACKER) == 18


async def test_a_resident_waits_behind_one_request_of_an_address_that_queues_many(stage: Stage) -> None:
    async with attacked(stage, 30, 50, upstream_connections=2, requests_per_address=2, connect_seconds=10) as (
        held,
        gateway,
    ):
        await held.until_arrived(2)
        resident = asyncio.create_task(ask(gateway, RESIDENT))
        await asyncio.sleep(0.3)
        assert not resident.done()
        held.released.release()
        held.released.release()
        assert (await resident).status_code == 200
        assert held.arrived.index(RESIDENT) <= 3


async def test_one_request_of_a_connection_is_in_work_at_a_time(stage: Stage) -> None:
    async with attacked(stage, 1, 50) as (held, _gateway):
        for number in range(1, 11):
            await held.until_arrived(number)
            held.released.release()
        assert held.most[ATTACKER] == 1


async def test_neighbours_of_those_who_wait_for_a_slow_company_do_not_wait(stage: Stage) -> None:
    inquiries = f"GET {BILLS}/inquired"
    stage.promise("payments", {f"GET {BILLS}": {}, inquiries: {"x-timeout-seconds": 30}})
    asked = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            if b"/inquired" in await read_head(reader):
                asked.set()
                await asyncio.Event().wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url, requests_per_address=1, connect_seconds=0.2) as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(5):
            _, writer = await stack.enter_async_context(dialogue(gateway, RESIDENT))
            stack.callback(reset, writer)
            writer.write(f"{inquiries} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
        await asyncio.wait_for(asked.wait(), AT_ONCE)
        assert (await ask(gateway, RESIDENT)).status_code == 200


async def test_requests_beyond_the_queue_of_an_address_are_refused(stage: Stage) -> None:
    async with attacked(stage, 3, 1, requests_per_address=1, waiting_per_address=2) as (held, gateway):
        await held.until_arrived(1)
        async with asyncio.timeout(10):
            while (answer := await ask(gateway, ATTACKER)).status_code != 429:
                pass
        assert answer.json()["code"] == "too_many_at_once"
        assert answer.headers["retry-after"] == "1"
        assert (await ask(gateway, RESIDENT)).status_code == 200


async def test_a_request_that_waits_too_long_for_its_own_address_is_no_failure_of_the_service(stage: Stage) -> None:
    async with attacked(stage, 1, 1, requests_per_address=1, connect_seconds=0.2) as (held, gateway):
        await held.until_arrived(1)
        answer = await ask(gateway, ATTACKER)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_at_once")
