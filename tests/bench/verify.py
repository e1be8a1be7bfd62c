"""verify: seconds of `python -m svc_payments.ledger verify` over a million payments, from start to exit.

The payments are made in the real tables and the ledger by its own triggers (many_payments.py), anchored some fifty
times. Baseline: one connection copies every row that the proof reads out of the same database, and SHA-256 runs over
the bytes: reading and hashing all of it once, with nothing compared. Rounds alternate; medians are kept. A proof that
finds anything ends the benchmark.
"""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from pydantic import SecretStr
from sqlalchemy import make_url

from chassis.db import Database
from deploy.local.keys import keys_in
from svc_payments.ledger.anchors import anchoring
from tests.bench.many_payments import fill
from tests.bench.report import report
from tests.bench.stage import (
    DATABASE,
    as_service,
    connected,
    cpu_seconds,
    payments_server,
    peak_memory,
    server_process,
)

PAYMENTS = 1_000_000
ROUNDS = 3
GOAL = "at most 120 s"
_READ = (
    *("ledger_entries", "ledger_transfers", "ledger_accounts", "ledger_facts", "ledger_links"),
    *("payments", "payment_attempts", "payment_lines", "receipts", "postings", "bills", "refunds"),
    *("settlements", "settlement_lines", "transfer_files", "audit_seals", "audit_links"),
)


@dataclass(frozen=True)
class Proof:
    """Seconds from start to exit, processor seconds of its process and of PostgreSQL, its most megabytes."""

    seconds: float
    cpu: float
    postgres_cpu: float
    megabytes: int


def main() -> None:
    # Data that is only read needs no fsync.
    with TemporaryDirectory(prefix="myili-bench-") as name, payments_server(Path(name), durable=False) as server:
        folder = Path(name)
        asyncio.run(_fill(server, folder))
        measure(server, folder)


def measure(server: str, folder: Path) -> None:
    """Report the proof of the ledger in this folder's database."""
    keys = keys_in(folder)
    environment = {
        "MYILI_DATABASE_URL": as_service(server, keys),
        "MYILI_LEDGER_ANCHORS": _anchors(folder),
        "MYILI_ANCHOR_PUBLIC_KEYS": keys["anchor_public_keys"],
    }
    copies, proofs = [], []
    for number in range(1, ROUNDS + 1):
        copies.append(asyncio.run(_copy(server)))
        proofs.append(asyncio.run(_verify(server, environment)))
        print(f"  round {number}: copied in {copies[-1]:.1f} s, proven in {proofs[-1].seconds:.1f} s", flush=True)
    detail = {
        "goal": GOAL,
        "rounds": ROUNDS,
        "cpu": round(median(proof.cpu for proof in proofs), 1),
        "postgres_cpu": round(median(proof.postgres_cpu for proof in proofs), 1),
        "peak_memory_mb": max(proof.megabytes for proof in proofs),
        **asyncio.run(_sizes(server)),
    }
    report("verify", median(proof.seconds for proof in proofs), median(copies), "s", detail)


async def _fill(server: str, folder: Path) -> None:
    keys = keys_in(folder)
    service = as_service(server, keys)
    database = Database(make_url(service).set(drivername="postgresql+asyncpg", database=DATABASE))
    anchors = anchoring(_anchors(folder), SecretStr(keys["anchor_key"]))
    try:
        async with connected(f"{server}/{DATABASE}") as owner, connected(f"{service}/{DATABASE}") as writer:
            await fill(owner, writer, PAYMENTS, lambda: anchors.anchor(database))
    finally:
        await database.close()


def _anchors(folder: Path) -> str:
    return (folder / "anchors").as_uri()


async def _copy(server: str) -> float:
    """Seconds to read and hash all rows once."""
    seen = hashlib.sha256()

    async def take(block: bytes) -> None:
        seen.update(block)

    started = time.perf_counter()
    async with connected(f"{server}/{DATABASE}") as connection:
        for table in _READ:
            await connection.copy_from_query(f"SELECT * FROM {table}", output=take)  # noqa: S608 - the names above
    return time.perf_counter() - started


async def _verify(server: str, environment: Mapping[str, str]) -> Proof:
    """Run the proof as an auditor does."""
    command = [sys.executable, "-m", "svc_payments.ledger", "verify"]
    async with connected(f"{server}/{DATABASE}") as connection:
        postgres = await server_process(connection)
    own_before, postgres_before = cpu_seconds(psutil.Process()), cpu_seconds(postgres)
    started = time.perf_counter()
    proof = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220, S603
    with peak_memory(psutil.Process(proof.pid)) as peak:
        output, _ = proof.communicate()
    seconds = time.perf_counter() - started
    if proof.returncode:
        raise SystemExit(f"The ledger is not right: {output[-2_000:]}")
    cpu = cpu_seconds(psutil.Process()) - own_before
    postgres_cpu = cpu_seconds(postgres) - postgres_before
    return Proof(seconds, cpu, postgres_cpu, peak.megabytes)


async def _sizes(server: str) -> dict[str, int]:
    async with connected(f"{server}/{DATABASE}") as connection:
        tables = {"payments": "payments", "links": "ledger_links", "entries": "ledger_entries", "facts": "ledger_facts"}
        return {name: await connection.fetchval(f"SELECT count(*) FROM {table}") for name, table in tables.items()}  # noqa: S608


if __name__ == "__main__":
    main()
