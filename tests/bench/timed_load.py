"""Requests over kept connections: how many a second, and how long the slowest took."""

import asyncio
import subprocess
import sys
import time
from functools import partial
from statistics import quantiles

from tests.bench.load import Connection


class TimedConnection(Connection):
    """Keeps how long each answer took."""

    seconds: list[float]
    _sent: float | None = None

    def send(self) -> None:
        now = time.perf_counter()
        if self._sent is not None:
            self.seconds.append(now - self._sent)
        self._sent = now
        super().send()


async def ask(where: str, connections: int, requests: list[bytes]) -> tuple[float, float]:
    """Requests per second, and the p99 in milliseconds; every answer is a 200."""
    host, _, port = where.partition(":")
    loop = asyncio.get_running_loop()
    waiting = iter(requests)
    all_done = [loop.create_future() for _ in range(connections)]
    opened = [
        await loop.create_connection(partial(TimedConnection, "200", waiting, done), host, int(port))
        for done in all_done
    ]
    seconds: list[float] = []
    started = time.perf_counter()
    for transport, connection in opened:
        connection.seconds = seconds
        connection.begin(transport)
    await asyncio.gather(*all_done)
    return len(requests) / (time.perf_counter() - started), 1e3 * quantiles(seconds, n=100)[98]


def from_another_process(module: str, *arguments: str) -> tuple[float, float]:
    """What a benchmark prints of `ask`, so that whoever asks shares no process with who answers."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise SystemExit(f"The requests ended with: {done.stderr.strip()[-400:]}")
    rate, p99 = map(float, done.stdout.split())
    return rate, p99
