"""What benchmarks of the payments service share: its database, the service in a process of its own, tokens."""

import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import psutil
from sqlalchemy import make_url

from chassis.migrations import Roles, upgrade
from chassis.testing import PUBLIC_URL, Tokens
from deploy.local.keys import keys_in
from deploy.local.postgres import running_postgres
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running

MEGABYTE = 1024 * 1024
DATABASE = "myili_payments"


@dataclass(frozen=True)
class Stage:
    """A payments service, and the database that it works with alone."""

    database: str
    service: str
    process: psutil.Process
    tokens: Tokens
    folder: Path

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        async with connected(self.database) as connection:
            yield connection


@contextlib.contextmanager
def payments_service(folder: Path, *, durable: bool = True) -> Iterator[Stage]:
    """The service for as long as the block lasts; data already in the folder's database is kept."""
    with contextlib.closing(Tokens()) as tokens, payments_server(folder, durable=durable) as server:
        program = _service(server, tokens, folder)
        with running(program, folder / "service.log") as process:
            yield Stage(f"{server}/{DATABASE}", f"http://{program.where}", psutil.Process(process.pid), tokens, folder)


@contextlib.contextmanager
def payments_server(folder: Path, *, durable: bool = True) -> Iterator[str]:
    """Only the PostgreSQL server, with the service's database at its newest schema."""
    with running_postgres(folder / "postgres", durable=durable) as server:
        url = make_url(server).set(drivername="postgresql+asyncpg", database=DATABASE)
        upgrade("svc_payments", url, keys_in(folder)["payments_database_password"])
        yield server


def as_service(server: str, keys: Mapping[str, str]) -> str:
    """The server as the role that svc_payments runs as."""
    role = make_url(server).set(username=Roles.of("svc_payments").runtime, password=keys["payments_database_password"])
    return role.render_as_string(hide_password=False)


def service_settings(server: str, tokens: Tokens, folder: Path) -> dict[str, str]:
    """The settings the service requires; outside systems are unreachable."""
    keys = keys_in(folder)
    return {
        "database_url": as_service(server, keys),
        "kafka": f"{LOOPBACK}:1",
        "public_url": PUBLIC_URL,
        "jwks_url": tokens.jwks_url,
        "channel_url": f"http://{LOOPBACK}:1",
        "channel_public_key": keys["channel_public_key"],
        "merchant_key": keys["merchant_key"],
        "provider_signing_key": keys["provider_signing_key"],
        "ledger_anchors": (folder / "anchors").as_uri(),
    }


def _service(server: str, tokens: Tokens, folder: Path) -> Program:
    port = free_port()
    settings = service_settings(server, tokens, folder)
    return Program(
        name="svc_payments",
        command=[sys.executable, "-m", "uvicorn", "--factory", "svc_payments.app:create_app", "--port", str(port)],
        where=f"{LOOPBACK}:{port}",
        ready=partial(accepts_connections, port),
        environment={f"MYILI_{name.upper()}": value for name, value in settings.items()},
    )


@contextlib.asynccontextmanager
async def connected(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    try:
        yield connection
    finally:
        await connection.close()


async def server_process(connection: asyncpg.Connection) -> psutil.Process:
    """The PostgreSQL server at the other end."""
    folder = Path(await connection.fetchval("SHOW data_directory"))
    return psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds of a process and its children, ended ones included."""
    seconds = 0.0
    for each in (process, *process.children()):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            seconds += times.user + times.system
    gone = process.cpu_times()
    return seconds + gone.children_user + gone.children_system


@dataclass
class Peak:
    bytes: int = 0

    @property
    def megabytes(self) -> int:
        return round(self.bytes / MEGABYTE)


@contextlib.contextmanager
def peak_memory(process: psutil.Process) -> Iterator[Peak]:
    """The most resident memory of a process during the block."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            with contextlib.suppress(psutil.NoSuchProcess):
                peak.bytes = max(peak.bytes, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
