"""`python -m tests.bench.payments_load.load HOST:PORT CONNECTIONS FILE`: send prepared requests, print the time.

A process of its own, as little as can be: each connection writes the next request when the last was answered. The
file holds requests as they go over the wire, each after its length; anything but 204 is an end.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import uvloop

_LENGTH = 4


class Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], done: "asyncio.Future[None]") -> None:
        self._requests, self._done = requests, done
        self._answer = b""

    def begin(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self.send()

    def send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        # A 204 has no body: its head is all of it.
        if not self._answer.endswith(b"\r\n\r\n"):
            return
        if not self._answer.startswith(b"HTTP/1.1 204 "):
            self._done.set_exception(SystemExit(f"answered with {self._answer!r}"))
            return
        self._answer = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(SystemExit(f"the service closed a connection: {exc}"))


def written(requests: list[bytes]) -> bytes:
    return b"".join(len(request).to_bytes(_LENGTH) + request for request in requests)


def read(raw: bytes) -> list[bytes]:
    requests, at = [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + _LENGTH])
        requests.append(raw[at + _LENGTH : at + _LENGTH + size])
        at += _LENGTH + size
    return requests


async def send_all(where: str, connections: int, requests: list[bytes]) -> float:
    """Seconds from the first request to the last answer, all connections being open before."""
    host, _, port = where.partition(":")
    loop = asyncio.get_running_loop()
    waiting = iter(requests)
    all_done = [loop.create_future() for _ in range(connections)]
    opened = [await loop.create_connection(partial(Connection, waiting, done), host, int(port)) for done in all_done]
    started = time.perf_counter()
    for transport, connection in opened:
        connection.begin(transport)
    await asyncio.gather(*all_done)
    return time.perf_counter() - started


if __name__ == "__main__":
    service, number, file = sys.argv[1:]
    print(uvloop.run(send_all(service, int(number), read(Path(file).read_bytes()))))
