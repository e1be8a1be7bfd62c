"""A service as deployed on a PostgreSQL with fsync on, and rounds of payments captured one way or the other."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import psutil
from sqlalchemy import make_url

from chassis.migrations import upgrade
from chassis.testing import PUBLIC_URL
from deploy.local.keys import keys_in
from deploy.local.postgres import running_postgres
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from tests.bench.load import send_prepared
from tests.bench.payments_load import baseline
from tests.bench.payments_load.notices import signed_requests
from tests.bench.payments_load.open_payments import MOST_PROVIDERS, Open, not_captured_once, open_payments, prepare
from tests.bench.stage import as_service, cpu_seconds, server_process

PAYMENTS = 4_000
"""In each measurement, each by another person."""
CONNECTIONS = 128
"""Connections of the channel; each sends its next notice after the answer to the last one."""


@dataclass(frozen=True)
class Rate:
    """Captured payments per second, and CPU microseconds per payment of the service and of PostgreSQL."""

    per_second: float
    service_us: float
    postgres_us: float


@dataclass(frozen=True)
class Stage:
    database: str
    service: psutil.Process
    program: Program
    channel_key: str
    folder: Path

    @property
    def as_service(self) -> str:
        """The database as the role that the service runs as: the ledger states who wrote each link."""
        return f"{self.program.environment['MYILI_DATABASE_URL']}/myili_payments"

    async def over_http(self, providers: int = MOST_PROVIDERS) -> Rate:
        """Send the service a signed notice of each payment, from a process of its own."""
        opened = await self._opened(providers)
        requests = signed_requests(self.channel_key, self.program.where, opened)
        before = cpu_seconds(self.service), cpu_seconds(await self._postgres())
        file = self.folder / "requests"
        per_second = await asyncio.to_thread(send_prepared, self.program.where, CONNECTIONS, 204, requests, file)
        after = cpu_seconds(self.service), cpu_seconds(await self._postgres())
        service, postgres = (1e6 * (now - then) / PAYMENTS for now, then in zip(after, before, strict=True))
        await self._check(opened)
        return Rate(per_second, service, postgres)

    async def by_pgbench(self) -> Rate:
        """Have pgbench capture as many payments with one SQL function."""
        opened = await self._opened(MOST_PROVIDERS)
        before = cpu_seconds(await self._postgres())
        per_second = await baseline.capture_all(self.as_service, self.folder, opened)
        postgres = 1e6 * (cpu_seconds(await self._postgres()) - before) / PAYMENTS
        await self._check(opened)
        return Rate(per_second, 0.0, postgres)

    def verify(self) -> str:
        """The output of the ledger's verification."""
        environment = {**os.environ, **self.program.environment}
        proof = _run([sys.executable, "-m", "svc_payments.ledger", "verify"], env=environment)
        if proof.returncode:
            raise SystemExit(f"The ledger is not right: {proof.stdout}{proof.stderr}")
        return proof.stdout.strip()

    async def prepare(self) -> None:
        async with self._connected() as connection:
            await prepare(connection, PAYMENTS)
            await baseline.prepare(connection)

    async def _opened(self, providers: int) -> list[Open]:
        async with self._connected() as connection:
            return await open_payments(connection, PAYMENTS, providers)

    async def _check(self, opened: Sequence[Open]) -> None:
        async with self._connected() as connection:
            if left := await not_captured_once(connection, opened):
                raise SystemExit(f"{left} of {len(opened)} payments were not captured exactly once.")

    async def _postgres(self) -> psutil.Process:
        async with self._connected() as connection:
            return await server_process(connection)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.database)
        try:
            yield connection
        finally:
            await connection.close()


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    with TemporaryDirectory(prefix="myili-bench-") as name, running_postgres(Path(name) / "postgres") as server:
        folder = Path(name)
        keys = keys_in(folder)
        url = make_url(server).set(drivername="postgresql+asyncpg", database="myili_payments")
        upgrade("svc_payments", url, keys["payments_database_password"])
        program = _service(server, folder)
        with running(program, folder / "service.log") as process:
            service = psutil.Process(process.pid)
            here = Stage(f"{server}/myili_payments", service, program, keys["channel_private_key"], folder)
            asyncio.run(here.prepare())
            yield here


def _service(server: str, folder: Path) -> Program:
    port, keys = free_port(), keys_in(folder)
    settings = {
        "database_url": as_service(server, keys),
        "kafka": f"{LOOPBACK}:1",
        "public_url": PUBLIC_URL,
        "jwks_url": f"http://{LOOPBACK}:1",
        "channel_url": f"http://{LOOPBACK}:1",
        "channel_public_key": keys["channel_public_key"],
        "merchant_key": keys["merchant_key"],
        "provider_signing_key": keys["provider_signing_key"],
        "ledger_anchors": (folder / "anchors").as_uri(),
        "anchor_public_keys": keys["anchor_public_keys"],
    }
    # As in deploy/compose.
    arguments = ["uvicorn", "--factory", "svc_payments.app:create_app", "--port", str(port), "--no-access-log"]
    return Program(
        name="svc_payments",
        command=[sys.executable, "-m", *arguments],
        where=f"{LOOPBACK}:{port}",
        ready=partial(accepts_connections, port),
        environment={f"MYILI_{name.upper()}": value for name, value in settings.items()},
    )


_run = partial(subprocess.run, check=False, capture_output=True, text=True)
