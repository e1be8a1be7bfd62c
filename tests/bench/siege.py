"""siege: how long residents wait at the gateway while the sockets of one address are stuck, against a quiet gateway.

The gateway and the payments service are processes as in production. 200 of the stuck sockets have sent half a POST, as
many as one service has turns; some more have sent half a head, or read nothing of a download. Rounds alternate, so that
a busy machine slows both; value and baseline are the 99th percentiles of all rounds, in milliseconds.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterator
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
        quiet, besieged, megabytes = asyncio.run(measure(here, port, process))
    report(
        "siege",
        _p99(besieged),
        _p99(quiet),
        "ms",
        {
            "goal": GOAL,
            **STUCK,
            "requests": len(besieged),
            "median_ms": round(median(besieged), 1),
            "median_ratio": round(median(besieged) / median(quiet), 2),
            "gateway_mb": megabytes,
        },
    )


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


async def measure(here: Stage, port: int, process: psutil.Process) -> tuple[list[float], list[float], int]:
    """Milliseconds of each request in quiet and besieged rounds, and the gateway's most memory."""
    token = here.tokens.resident()["Authorization"]
    await requests_of_all(port, token)  # the first requests fill caches and pools
    quiet: list[list[float]] = []
    besieged: list[list[float]] = []
    most = 0
    for number in range(1, ROUNDS + 1):
        quiet.append(await requests_of_all(port, token))
        async with stuck(port, token):
            besieged.append(await requests_of_all(port, token))
            most = max(most, process.memory_info().rss)
        print(f"  round {number}: p99 quiet {_p99(quiet[-1]):.1f} ms, besieged {_p99(besieged[-1]):.1f} ms", flush=True)
    return list(chain(*quiet)), list(chain(*besieged)), round(most / MEGABYTE)


@contextlib.asynccontextmanager
async def stuck(port: int, token: str) -> AsyncIterator[None]:
    """Sockets of a signed-in attacker that neither send nor read any more."""
    posted = f"POST /payments/v1/payments HTTP/1.1\r\n{_HOST}Authorization: {token}\r\nContent-Length: 1000\r\n\r\n"
    requests = {
        "half_posts": posted + "{",
        "half_heads": f"GET /payments/v1/bills HTTP/1.1\r\n{_HOST}X: ",
        "unread": f"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\n{_HOST}\r\n",
    }
    writers = []
    for request in chain(*([requests[kind]] * number for kind, number in STUCK.items())):
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
