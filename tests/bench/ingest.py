"""A bill file of a million rows through the HTTP upload, against plain COPY of the same rows into the same tables.

Value: rows of the file per second, from the first byte sent to the report received: decoded, parsed, checked, held
against each other and against what is there, inserted. Baseline: rows per second of server-side COPY into the months
of `bills` and into `bill_numbers`, with all their indexes and checks and without the triggers that keep the second in
step with the first: nothing that only loads these tables can be quicker. Rounds alternate; the medians are kept.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

import httpx

from chassis.db import new_id
from contracts.reference_provider.billing_month import Planted, write_month
from tests.bench.report import report
from tests.bench.stage import MEGABYTE, Stage, payments_service, peak_memory

ROWS = 1_000_000
ROUNDS = 3
GOAL = "at least 0.5, in under 300 MB"
COLUMNS = {
    "bills": "id, provider_id, bill_file_id, bill_number, account_number, period, usage, amount_fen, due_date, "
    "meter_from, meter_to, created_at",
    "bill_numbers": "provider_id, bill_number, bill_id",
}


@dataclass(frozen=True)
class Month:
    """A provider that the service knows, and its file."""

    stage: Stage
    provider_id: UUID
    file: Path
    planted: Planted


@contextlib.contextmanager
def month() -> Iterator[Month]:
    with TemporaryDirectory(prefix="myili-bench-") as name, payments_service(Path(name)) as stage:
        file = stage.folder / "month.csv"
        planted = write_month(file, provider_seed="bench", rows=ROWS, encoding="gb18030")
        yield Month(stage, new_id(), file, planted)


def main() -> None:
    with month() as here:
        file_mb = round(here.file.stat().st_size / MEGABYTE)
        asyncio.run(_approve(here))
        upload(here)  # warms both sides up, and leaves the rows for the baseline
        rows = asyncio.run(_keep_rows(here))
        copied, uploaded = [], []
        with peak_memory(here.stage.process) as peak:
            for number in range(1, ROUNDS + 1):
                copied.append(asyncio.run(copy(here, rows)))
                asyncio.run(_empty(here))
                uploaded.append(upload(here))
                print(f"  round {number}: COPY {copied[-1]:.1f} s, upload {uploaded[-1]:.1f} s", flush=True)
    report(
        "ingest",
        ROWS / median(uploaded),
        here.planted.accepted / median(copied),
        "rows/s",
        {
            "goal": GOAL,
            "rows": ROWS,
            "file_mb": file_mb,
            "service_peak_memory_mb": peak.megabytes,
            "rounds": ROUNDS,
        },
    )


def upload(here: Month) -> float:
    """Seconds of one upload, whose report must match the errors planted in the file."""
    headers = here.stage.tokens.client(here.provider_id, "bills:write") | {"Content-Type": "text/csv; charset=gb18030"}
    url = f"{here.stage.service}/payments/v1/bill-files/{here.file.name}"
    with here.file.open("rb") as file:
        started = time.perf_counter()
        answer = httpx.put(url, content=file, headers=headers, timeout=600).raise_for_status()
        seconds = time.perf_counter() - started
    counts = {name: answer.json()[name] for name in here.planted.counts}
    if counts != here.planted.counts:
        raise SystemExit(f"The upload was not taken in as it should: {counts} instead of {here.planted.counts}.")
    return seconds


async def _approve(here: Month) -> None:
    async with here.stage.connected() as connection:
        await connection.execute(
            "INSERT INTO providers (provider_id, kind, name, endpoint_url, as_of) VALUES ($1, $2, $3, $4, now())",
            here.provider_id,
            "water",
            "Sample Water Company",
            "http://127.0.0.1:1",
        )


async def _keep_rows(here: Month) -> dict[str, str]:
    """Have the server export the uploaded rows; return the file of each table."""
    async with here.stage.connected() as connection:
        folder = await connection.fetchval("SHOW data_directory")
        files = {table: f"{folder}/{table}.copy" for table in COLUMNS}
        for table, columns in COLUMNS.items():
            await connection.execute(f"COPY (SELECT {columns} FROM {table} ORDER BY 1, 2) TO '{files[table]}'")  # noqa: S608 - our own names
    return files


async def copy(here: Month, files: dict[str, str]) -> float:
    """Seconds of plain COPY of the rows into the emptied tables."""
    await _empty(here)
    async with here.stage.connected() as connection:
        await connection.execute("SET session_replication_role = replica")
        started = time.perf_counter()
        async with connection.transaction():
            for table, columns in COLUMNS.items():
                await connection.execute(f"COPY {table} ({columns}) FROM '{files[table]}'")
        return time.perf_counter() - started


async def _empty(here: Month) -> None:
    async with here.stage.connected() as connection:
        # Past the triggers that keep history from being deleted, then to the disk, so that no round pays for another.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("TRUNCATE bills, bill_numbers, bill_files CASCADE")
        await connection.execute("CHECKPOINT")


if __name__ == "__main__":
    main()
