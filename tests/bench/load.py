"""`python -m tests.bench.load HOST:PORT CONNECTIONS STATUS FILE`: send prepared requests, print the time.

A process of its own, as little as can be: each connection writes the next request when the last was answered. The
file holds requests as they go over the wire, each after its length; any other status is an end.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import uvloop

_LENGTH = 4
_BODY_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class Connection(asyncio.Protocol):
    def __init__(self, status: str, requests: Iterator[bytes], done: "asyncio.Future[None]") -> None:
        self._requests, self._done = requests, done
        self._wanted = f"HTTP/1.1 {status} ".encode()
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
        head = self._answer.find(b"\r\n\r\n") + 4
        length = _BODY_LENGTH.search(self._answer, 0, head)
        if head < 4 or len(self._answer) < head + (int(length[1]) if length else 0):
            return
        if not self._answer.startswith(self._wanted):
            self._done.set_exception(SystemExit(f"answered with {self._answer!r}"))
            return
        self._answer = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(SystemExit(f"the service closed a connection: {exc}"))


def send_prepared(where: str, connections: int, status: int, requests: list[bytes], file: Path) -> float:
    """Requests answered per second; a process of its own sends what is written to the file."""
    file.write_bytes(_written(requests))
    command = [sys.executable, "-m", "tests.bench.load", where, str(connections), str(status), str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise SystemExit(f"The load ended with: {done.stderr.strip()[-400:]}")
    return len(requests) / float(done.stdout)


def _written(requests: list[bytes]) -> bytes:
    return b"".join(len(request).to_bytes(_LENGTH) + request for request in requests)


def _read(raw: bytes) -> list[bytes]:
    requests, at = [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + _LENGTH])
        requests.append(raw[at + _LENGTH : at + _LENGTH + size])
        at += _LENGTH + size
    return requests


async def _send_all(where: str, connections: int, status: str, requests: list[bytes]) -> float:
    """Seconds from the first request to the last answer, all connections being open before."""
    host, _, port = where.partition(":")
    loop = asyncio.get_running_loop()
    waiting = iter(requests)
    all_done = [loop.create_future() for _ in range(connections)]
    opened = [
        await loop.create_connection(partial(Connection, status, waiting, done), host, int(port)) for done in all_done
    ]
    started = time.perf_counter()
    for transport, connection in opened:
        connection.begin(transport)
    await asyncio.gather(*all_done)
    return time.perf_counter() - started


if __name__ == "__main__":
    service, number, wanted, prepared = sys.argv[1:]
    print(uvloop.run(_send_all(service, int(number), wanted, _read(Path(prepared).read_bytes()))))
