"""A resident's bill list over HTTP, where there are 10,000 bills and where there are 20,000,000.

Two services run side by side, each with a database of its own, and are queried in turns, so that a busy machine slows
both: value and baseline are the median milliseconds of the large and of the small one. Residents are drawn anew for
each round, as whoever opens the app comes to data that nobody has looked at for a while; how much of it PostgreSQL or
the kernel have in memory shows in the detail. So does a control, an endpoint that reads no bills.

Filling the large one takes most of the time: 5 to 15 minutes, and about 15 GB of disk until the end.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import httpx

from tests.bench.many_bills import BILLERS, fill, resident
from tests.bench.report import report
from tests.bench.stage import DATABASE, Stage, connected, payments_server, payments_service

SIZES = {"small": 10_000, "large": 20_000_000}
ROUNDS = 4
RESIDENTS = 150
GOAL = "less than 1.3"
_BILLS = "/payments/v1/bills"
ASKED = {
    "all": _BILLS,
    "due": f"{_BILLS}?status=due",
    "paid": f"{_BILLS}?status=posted&limit=20",
    "control": f"/payments/v1/providers/{BILLERS[0].id}/payment-terms",
}
Milliseconds = dict[tuple[str, str], list[float]]
"""By size and query."""


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as name:
        folders = {size: Path(name) / size for size in SIZES}
        residents = {size: fill_folder(folders[size], SIZES[size]) for size in SIZES}
        _forget(folders["large"])
        with _stages(folders) as stages:
            cold = asyncio.run(measure(stages, residents, rounds=1))
            warm = asyncio.run(measure(stages, residents, rounds=ROUNDS))
    for size in SIZES:
        print(f"  {size}, after a restart: {_figures(cold, size)}\n  {size}: {_figures(warm, size)}")
    report(
        "bills_growth",
        median(_lists(warm, "large")),
        median(_lists(warm, "small")),
        "ms",
        {
            "goal": GOAL,
            "p95_ratio": round(_p95(_lists(warm, "large")) / _p95(_lists(warm, "small")), 2),
            "cold_ratio": round(median(_lists(cold, "large")) / median(_lists(cold, "small")), 2),
            "control_ratio": round(median(warm["large", "control"]) / median(warm["small", "control"]), 2),
            "asked": len(_lists(warm, "large")),
        },
    )


def fill_folder(folder: Path, bills: int) -> int:
    """Make the bills and return the number of residents. Data that is only read needs no fsync."""

    async def filled(server: str) -> int:
        async with connected(f"{server}/{DATABASE}") as connection:
            return await fill(connection, bills)

    print(f"  making {bills:,} bills", flush=True)
    with payments_server(folder, durable=False) as server:
        return asyncio.run(filled(server))


def _forget(folder: Path) -> None:
    """Have the kernel drop these files from its page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextlib.contextmanager
def _stages(folders: dict[str, Path]) -> Iterator[dict[str, Stage]]:
    with contextlib.ExitStack() as stack:
        yield {size: stack.enter_context(payments_service(folder)) for size, folder in folders.items()}


async def measure(stages: dict[str, Stage], residents: dict[str, int], *, rounds: int) -> Milliseconds:
    """Send both services the same queries, one after the other, in random order."""
    draw = Random(20)  # noqa: S311 - repeatable, not secret
    taken: Milliseconds = {(size, what): [] for size in stages for what in ASKED}
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            size: await stack.enter_async_context(httpx.AsyncClient(base_url=stage.service, timeout=60))
            for size, stage in stages.items()
        }
        for size, client in clients.items():
            await _warm_up(client, stages[size])
        for number in range(1, rounds + 1):
            for _ in range(RESIDENTS):
                headers = {
                    size: stage.tokens.resident(resident(draw.randrange(residents[size])))
                    for size, stage in stages.items()
                }
                for what, url in draw.sample(list(ASKED.items()), len(ASKED)):
                    for size in draw.sample(list(clients), len(clients)):
                        taken[size, what].append(await _milliseconds(clients[size], url, headers[size]))
            print(f"  round {number} of {rounds}: {RESIDENTS} residents each", flush=True)
    return taken


async def _warm_up(client: httpx.AsyncClient, stage: Stage) -> None:
    """Have the service open its connections and compile its queries, with a resident who has no bills."""
    headers = stage.tokens.resident()
    for _ in range(10):
        for url in ASKED.values():
            await _milliseconds(client, url, headers)


async def _milliseconds(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> float:
    started = time.perf_counter()
    answer = await client.get(url, headers=headers)
    milliseconds = (time.perf_counter() - started) * 1_000
    answer.raise_for_status()
    return milliseconds


def _lists(taken: Milliseconds, size: str) -> list[float]:
    """The bill lists of all kinds."""
    return [each for what in ASKED if what != "control" for each in taken[size, what]]


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]


def _figures(taken: Milliseconds, size: str) -> str:
    return ", ".join(
        f"{what} p50 {median(taken[size, what]):.1f} ms, p95 {_p95(taken[size, what]):.1f} ms" for what in ASKED
    )


if __name__ == "__main__":
    main()
