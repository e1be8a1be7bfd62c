"""siege: how long residents wait at the gateway while one address besieges it, against a quiet gateway.

The gateway and the payments service are processes as in production. 200 of the stuck sockets have sent half a POST, as
many as one service has turns; some more have sent half a head, or read nothing of a download. `siege_flood` is the
other kind: 100 sockets of one address have sent 50 whole requests each and read no answer. Rounds alternate, so that a
busy machine slows all; value and baseline are the 99th percentiles of all rounds, in milliseconds.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import psutil

from chassis.testing import PUBLIC_URL
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from tests.bench.report import report
from tests.bench.stage import MEGABYTE, Stage, payments_service

ROUNDS = 6
RESIDENTS = 2
REQUESTS = 200
"""Of each resident in each round."""
STUCK = {"half_posts": 200, "half_heads": 50, "unread": 100}
FLOOD = 100
PIPELINED = 50
ATTACKER = "127.0.0.2"
GOAL = "at most 3"
_HOST = "Host: my.ili\r\n"
_FLAGS = (
    "--http gateway.connection:ClientConnection --loop uvloop --no-access-log --no-server-header --no-proxy-headers"
)


def main() -> None:
    with (
        TemporaryDirectory(prefix="myili-bench-") as name,
        payments_service(Path(name), durable=False) as here,
        gateway(here) as (port, process),
    ):
        measured = asyncio.run(measure(here, port, process))
    report_kind("siege", measured.stuck, measured.quiet, {**STUCK, "gateway_mb": measured.megabytes})
    report_kind("siege_flood", measured.flooded, measured.quiet, {"sockets": FLOOD, "pipelined": PIPELINED})


@dataclass
class Measured:
    """Milliseconds of each request in each kind of round, and the gateway's most memory."""

    quiet: list[float] = field(default_factory=list)
    stuck: list[float] = field(default_factory=list)
    flooded: list[float] = field(default_factory=list)
    megabytes: int = 0


def report_kind(name: str, besieged: list[float], quiet: list[float], detail: dict[str, int]) -> None:
    medians = {
        "requests": len(besieged),
        "median_ms": round(median(besieged), 1),
        "median_ratio": round(median(besieged) / median(quiet), 2),
    }
    report(name, _p99(besieged), _p99(quiet), "ms", {"goal": GOAL, **detail, **medians})


@contextlib.contextmanager
def gateway(here: Stage) -> Iterator[tuple[int, psutil.Process]]:
    """A gateway before the payments service; the other services are absent."""
    port = free_port()
    settings = {f"{service}_url": f"http://{LOOPBACK}:1" for service in ("identity", "services", "miniapps")}
    settings |= {"payments_url": here.service, "public_url": PUBLIC_URL, "jwks_url": here.tokens.jwks_url}
    command = f"-m uvicorn --factory gateway.app:create_app --port {port} {_FLAGS}"
    program = Program(
        name="gateway",
        command=[sys.executable, *command.split()],
        where=f"{LOOPBACK}:{port}",
        ready=partial(accepts_connections, port),
        environment={f"MYILI_{name.upper()}": value for name, value in settings.items()},
    )
    with running(program, here.folder / "gateway.log") as process:
        yield port, psutil.Process(process.pid)


async def measure(here: Stage, port: int, process: psutil.Process) -> Measured:
    token = here.tokens.resident()["Authorization"]
    await requests_of_all(port, token)  # the first requests fill caches and pools
    measured = Measured()
    for number in range(1, ROUNDS + 1):
        quiet = await requests_of_all(port, token)
        async with unread(port, stuck(token)):
            stuck_too = await requests_of_all(port, token)
            measured.megabytes = max(measured.megabytes, round(process.memory_info().rss / MEGABYTE))
        async with unread(port, [flood(token)] * FLOOD):
            flooded = await requests_of_all(port, token)
        measured.quiet += quiet
        measured.stuck += stuck_too
        measured.flooded += flooded
        figures = f"p99 quiet {_p99(quiet):.1f} ms, stuck {_p99(stuck_too):.1f} ms, flooded {_p99(flooded):.1f} ms"
        print(f"  round {number}: {figures}", flush=True)
    return measured


def stuck(token: str) -> list[str]:
    """What the sockets of a signed-in attacker have sent of which each waits for more, or to be read."""
    posted = f"POST /payments/v1/payments HTTP/1.1\r\n{_HOST}Authorization: {token}\r\nContent-Length: 1000\r\n\r\n"
    requests = {
        "half_posts": posted + "{",
        "half_heads": f"GET /payments/v1/bills HTTP/1.1\r\n{_HOST}X: ",
        "unread": f"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\n{_HOST}\r\n",
    }
    return list(chain(*([requests[kind]] * number for kind, number in STUCK.items())))


def flood(token: str) -> str:
    return f"GET /payments/v1/bills HTTP/1.1\r\n{_HOST}Authorization: {token}\r\n\r\n" * PIPELINED


@contextlib.asynccontextmanager
async def unread(port: int, sent: list[str]) -> AsyncIterator[None]:
    """Sockets of the attacker that have sent this and do nothing more, not even read."""
    writers = []
    for request in sent:
        reader, writer = await asyncio.open_connection(LOOPBACK, port, local_addr=(ATTACKER, 0))
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a client that does not read
        writer.write(request.encode())
        writers.append(writer)
    await asyncio.sleep(0.5)
    try:
        yield
    finally:
        for writer in writers:
            writer.transport.abort()


async def requests_of_all(port: int, token: str) -> list[float]:
    """Milliseconds of each request of some residents at once."""
    each = await asyncio.gather(*(requests_of_one(port, token) for _ in range(RESIDENTS)))
    return list(chain(*each))


async def requests_of_one(port: int, token: str) -> list[float]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    request = f"GET /payments/v1/bills HTTP/1.1\r\n{_HOST}Authorization: {token}\r\n\r\n".encode()
    milliseconds = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        milliseconds.append((time.perf_counter() - started) * 1000)
        if not head.startswith(b"http/1.1 200 "):
            raise SystemExit(f"A resident was refused: {head.decode('latin-1').splitlines()[0]}")
    writer.close()
    return milliseconds


def _p99(milliseconds: list[float]) -> float:
    return quantiles(milliseconds, n=100)[98]


if __name__ == "__main__":
    main()
