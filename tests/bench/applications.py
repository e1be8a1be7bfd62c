"""The clerk's queue and a resident's list over HTTP, where there are 10,000 applications and where there are 2,000,000.

Two services run side by side, each with a database of its own, and are queried in turns, so that a busy machine slows
both: value and baseline are the median milliseconds of the large and of the small one, of the queue and of the list.
Residents are drawn anew for each round. Pages have ten items, so that both answer with as many. Filters of the queue
and a control, an endpoint that reads no applications, are in the detail.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx

from tests.bench.many_applications import LARGEST_DIVISION, company, fill, resident
from tests.bench.report import report
from tests.bench.services_stage import DATABASE, ServicesStage, services_server, services_stage
from tests.bench.stage import connected

SIZES = {"small": 10_000, "large": 2_000_000}
ROUNDS = 4
DRAWN = 60
"""Residents and clerks in each round."""
GOAL = "less than 1.5"
_QUEUE, _MINE = "/services/v1/application-queue?limit=10", "/services/v1/applications?limit=10"


class Asked(NamedTuple):
    url: str
    by: str


ASKED = {
    "queue": Asked(_QUEUE, "clerk"),
    "queue_of_all": Asked(_QUEUE, "operator"),
    "queue_red": Asked(f"{_QUEUE}&flag=red", "clerk"),
    "queue_kind": Asked(f"{_QUEUE}&kind=closure", "clerk"),
    "queue_company": Asked(f"{_QUEUE}&provider_id={company('gas', LARGEST_DIVISION)}", "clerk"),
    "queue_red_of_all": Asked(f"{_QUEUE}&flag=red", "operator"),
    "late": Asked("/services/v1/late-cases?limit=10", "clerk"),
    "mine": Asked(_MINE, "resident"),
    "mine_open": Asked(f"{_MINE}&status=open", "resident"),
    "control": Asked("/services/v1/account-bindings", "resident"),
}
OF_CLERKS, OF_RESIDENTS = ("queue", "queue_of_all"), ("mine", "mine_open")
Milliseconds = dict[tuple[str, str], list[float]]
"""By size and query."""


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as name:
        folders = {size: Path(name) / size for size in SIZES}
        residents = {size: fill_folder(folders[size], SIZES[size]) for size in SIZES}
        with _stages(folders) as stages:
            taken = asyncio.run(measure(stages, residents, rounds=ROUNDS))
    for size in SIZES:
        print(f"  {size}: {_figures(taken, size)}")
    for name_of, asked in (("applications_queue", OF_CLERKS), ("applications_mine", OF_RESIDENTS)):
        large, small = ([each for what in asked for each in taken[size, what]] for size in ("large", "small"))
        detail = {f"{what}_ratio": _ratio(taken, what) for what in ASKED}
        report(name_of, median(large), median(small), "ms", {"goal": GOAL, **detail, "asked": len(large)})


def fill_folder(folder: Path, applications: int) -> int:
    """Make the applications and return the number of residents. Data that is only read needs no fsync."""

    async def filled(server: str) -> int:
        async with connected(f"{server}/{DATABASE}") as connection:
            return await fill(connection, applications)

    print(f"  making {applications:,} applications", flush=True)
    with services_server(folder, durable=False) as server:
        return asyncio.run(filled(server))


@contextlib.contextmanager
def _stages(folders: dict[str, Path]) -> Iterator[dict[str, ServicesStage]]:
    with contextlib.ExitStack() as stack:
        yield {size: stack.enter_context(services_stage(folder, durable=False)) for size, folder in folders.items()}


async def measure(stages: dict[str, ServicesStage], residents: dict[str, int], *, rounds: int) -> Milliseconds:
    """Send both services the same queries, one after the other, in random order."""
    draw = Random(20)  # noqa: S311 - repeatable, not secret
    taken: Milliseconds = {(size, what): [] for size in stages for what in ASKED}
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            size: await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://{stage.where}", timeout=60))
            for size, stage in stages.items()
        }
        for size, client in clients.items():
            await _warm_up(client, stages[size])
        for number in range(1, rounds + 1):
            for _ in range(DRAWN):
                headers = {size: _callers(stages[size], draw.randrange(residents[size])) for size in clients}
                for what, asked in draw.sample(list(ASKED.items()), len(ASKED)):
                    for size in draw.sample(list(clients), len(clients)):
                        milliseconds = await _milliseconds(clients[size], asked.url, headers[size][asked.by])
                        taken[size, what].append(milliseconds)
            print(f"  round {number} of {rounds}: each query {DRAWN} times", flush=True)
    return taken


def _callers(stage: ServicesStage, number: int) -> dict[str, dict[str, str]]:
    return {
        "resident": stage.tokens.resident(resident(number)),
        "clerk": stage.tokens.staff("clerk", division_code=LARGEST_DIVISION),
        "operator": stage.tokens.staff("operator"),
    }


async def _warm_up(client: httpx.AsyncClient, stage: ServicesStage) -> None:
    """Have the service open its connections and compile its queries."""
    for _ in range(10):
        callers = _callers(stage, 0)
        for asked in ASKED.values():
            await _milliseconds(client, asked.url, callers[asked.by])


async def _milliseconds(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> float:
    started = time.perf_counter()
    answer = await client.get(url, headers=headers)
    milliseconds = (time.perf_counter() - started) * 1_000
    answer.raise_for_status()
    return milliseconds


def _ratio(taken: Milliseconds, what: str) -> float:
    return round(median(taken["large", what]) / median(taken["small", what]), 2)


def _figures(taken: Milliseconds, size: str) -> str:
    figures = ((what, taken[size, what]) for what in ASKED)
    return ", ".join(f"{what} {median(each):.1f} (p95 {quantiles(each, n=20)[-1]:.1f}) ms" for what, each in figures)


if __name__ == "__main__":
    main()
