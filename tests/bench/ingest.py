"""A bill file of a million rows through the HTTP upload, against plain COPY of the same rows into the same table.

Value: rows of the file per second, from the first byte sent to the report received. Baseline: rows per second of
server-side COPY into `bills` with all its indexes and checks. Rounds alternate; the medians are kept.
"""

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

import asyncpg
import httpx
import psutil
from sqlalchemy import make_url

from chassis.db import new_id, upgrade
from chassis.testing import PUBLIC_URL, Tokens
from contracts.reference_provider.billing_month import Planted, write_month
from deploy.local.keys import keys_in
from deploy.local.postgres import running_postgres
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from tests.bench.report import report

ROWS = 1_000_000
ROUNDS = 3
GOAL = 0.4
MEGABYTE = 1024 * 1024
COLUMNS = (
    "provider_id, bill_file_id, bill_number, account_number, period, usage, amount_fen, due_date, meter_from, meter_to"
)


@dataclass(frozen=True)
class Stage:
    """A service with a database of its own, a provider it knows, and the provider's file."""

    database: str
    service: str
    process: psutil.Process
    provider_id: UUID
    tokens: Tokens
    file: Path
    planted: Planted


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    with (
        TemporaryDirectory(prefix="myili-bench-") as name,
        contextlib.closing(Tokens()) as tokens,
        running_postgres(Path(name) / "postgres") as server,
    ):
        folder = Path(name)
        upgrade("svc_payments", make_url(server).set(drivername="postgresql+asyncpg", database="myili_payments"))
        file = folder / "month.csv"
        planted = write_month(file, provider_seed="bench", rows=ROWS, encoding="gb18030")
        program = _service(server, tokens, folder)
        with running(program, folder / "service.log") as process:
            database = f"{server}/myili_payments"
            service = f"http://{program.where}"
            yield Stage(database, service, psutil.Process(process.pid), new_id(), tokens, file, planted)


def _service(server: str, tokens: Tokens, folder: Path) -> Program:
    port, keys = free_port(), keys_in(folder)
    settings = {
        "database_url": server,
        "kafka": f"{LOOPBACK}:1",
        "public_url": PUBLIC_URL,
        "jwks_url": tokens.jwks_url,
        "channel_url": f"http://{LOOPBACK}:1",
        "channel_public_key": keys["channel_public_key"],
        "merchant_key": keys["merchant_key"],
        "provider_signing_key": keys["provider_signing_key"],
        "ledger_anchors": (folder / "anchors").as_uri(),
    }
    return Program(
        name="svc_payments",
        command=[sys.executable, "-m", "uvicorn", "--factory", "svc_payments.app:create_app", "--port", str(port)],
        where=f"{LOOPBACK}:{port}",
        ready=partial(accepts_connections, port),
        environment={f"MYILI_{name.upper()}": value for name, value in settings.items()},
    )


def main() -> None:
    with stage() as here:
        file_mb = round(here.file.stat().st_size / MEGABYTE)
        asyncio.run(_approve(here))
        upload(here)  # warms both sides up, and leaves the rows for the baseline
        rows = asyncio.run(_keep_rows(here))
        copied, uploaded = [], []
        with peak_memory(here.process) as peak:
            for number in range(1, ROUNDS + 1):
                copied.append(asyncio.run(copy(here, rows)))
                asyncio.run(_empty(here))
                uploaded.append(upload(here))
                print(f"ingest, round {number}: COPY {copied[-1]:.1f} s, upload {uploaded[-1]:.1f} s")
    report(
        "ingest",
        ROWS / median(uploaded),
        here.planted.accepted / median(copied),
        "rows/s",
        {
            "rows": ROWS,
            "file_mb": file_mb,
            "service_peak_memory_mb": round(peak.bytes / MEGABYTE),
            "rounds": ROUNDS,
            "goal": GOAL,
        },
    )


def upload(here: Stage) -> float:
    """Seconds of one upload whose report is what the file's maker planted."""
    headers = here.tokens.client(here.provider_id, "bills:write") | {"Content-Type": "text/csv; charset=gb18030"}
    url = f"{here.service}/payments/v1/bill-files/{here.file.name}"
    with here.file.open("rb") as file:
        started = time.perf_counter()
        answer = httpx.put(url, content=file, headers=headers, timeout=600).raise_for_status()
        seconds = time.perf_counter() - started
    counts = {name: answer.json()[name] for name in here.planted.counts}
    if counts != here.planted.counts:
        raise SystemExit(f"The upload was not taken in as it should: {counts} instead of {here.planted.counts}.")
    return seconds


async def _approve(here: Stage) -> None:
    async with _connected(here) as connection:
        await connection.execute(
            "INSERT INTO providers (provider_id, kind, name, endpoint_url, as_of) VALUES ($1, $2, $3, $4, now())",
            here.provider_id,
            "water",
            "Sample Water Company",
            "http://127.0.0.1:1",
        )


async def _keep_rows(here: Stage) -> str:
    """Have the server write what the upload made to a file of its own; gives the file's path."""
    async with _connected(here) as connection:
        rows = f"{await connection.fetchval('SHOW data_directory')}/rows.copy"
        await connection.execute(f"COPY (SELECT {COLUMNS} FROM bills ORDER BY id) TO '{rows}'")  # noqa: S608 - our own names
    return rows


async def copy(here: Stage, rows: str) -> float:
    """Seconds of plain COPY of the rows into the emptied table."""
    await _empty(here)
    async with _connected(here) as connection:
        started = time.perf_counter()
        await connection.execute(f"COPY bills ({COLUMNS}) FROM '{rows}'")
        return time.perf_counter() - started


async def _empty(here: Stage) -> None:
    async with _connected(here) as connection:
        # Past the triggers that keep history from being deleted, then to the disk, so that no round pays for another.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("TRUNCATE bills, bill_files CASCADE")
        await connection.execute("CHECKPOINT")


@contextlib.asynccontextmanager
async def _connected(here: Stage) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(here.database)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass
class Peak:
    bytes: int = 0


@contextlib.contextmanager
def peak_memory(process: psutil.Process) -> Iterator[Peak]:
    """The most resident memory of a process during the block."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            peak.bytes = max(peak.bytes, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    main()
