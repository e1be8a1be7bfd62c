"""The whole platform as `make run` starts it: what is killed comes back, what was written is found again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from uuid import UUID

import asyncpg
import httpx
import psutil
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from joserfc.jwk import ECKey
from sqlalchemy import make_url

from chassis.db import Database, new_id
from chassis.outbox import emit
from chassis.testing import until
from deploy.local.plan import ALL_PORT_OFFSETS, METRICS_PORT_OFFSETS, PACKAGES, PORT_OFFSETS
from deploy.local.platform import Addresses, LocalPlatform, free_base_port, local_platform, running_platform
from deploy.local.programs import port_is_taken
from deploy.local.settings import REPOSITORY
from kit.fields.customer_parameters import TEN_DIGITS
from svc_services.providers.applications.events import ProviderApproved
from svc_services.reference.models import UtilityKind
from tests.gateway.stage import say

pytestmark = pytest.mark.timeout(400)


@contextmanager
def launcher(data: Path, base_port: int) -> Iterator[subprocess.Popen[bytes]]:
    ours = {"MYILI_DATA": str(data), "MYILI_PORT": str(base_port)}
    command = [sys.executable, "-m", "deploy.local", "run"]
    process = subprocess.Popen(command, env={**os.environ, **ours}, cwd=REPOSITORY)  # noqa: S603 - the line above
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(90)


async def until_ready(process: subprocess.Popen[bytes], data: Path) -> Addresses:
    async def found() -> Addresses | None:
        assert process.poll() is None
        return running_platform(data)

    addresses: Addresses = await until(found, seconds=120)
    return addresses


async def until_gone(processes: list[psutil.Process]) -> None:
    async def all_gone() -> bool:
        return not any(is_at_work(process) for process in processes)

    await until(all_gone, seconds=60)


def is_at_work(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def everything_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    launcher = psutil.Process(process.pid)
    return [launcher, *launcher.children(recursive=True)]


async def sql(platform: Addresses, statement: str) -> object:
    connection = await asyncpg.connect(f"{platform.database_admin_url}/myili_identity")
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def emitted(platform: Addresses) -> dict[UUID, str]:
    """The events of svc_identity, which emits some when it makes the first operator, and their topics."""
    connection = await asyncpg.connect(f"{platform.database_admin_url}/myili_identity")
    try:
        events = {row["id"]: row["topic"] for row in await connection.fetch("SELECT id, topic FROM outbox")}
    finally:
        await connection.close()
    assert events
    return events


async def until_published(platform: Addresses, events: dict[UUID, str]) -> None:
    """Wait until a consumer that belongs to no group has read all of these events."""
    consumer = AIOKafkaConsumer(*set(events.values()), bootstrap_servers=platform.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        missing = set(events)
        async with asyncio.timeout(60):
            while missing:
                missing.discard(UUID(json.loads((await consumer.getone()).value)["id"]))
    finally:
        await consumer.stop()


async def approve_a_provider(platform: Addresses) -> None:
    """Emit the approval from svc_services, and wait until svc_identity has made the company an OAuth client."""
    provider_id = new_id()
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    database = Database(make_url(f"{platform.database_admin_url}/myili_services").set(drivername="postgresql+asyncpg"))
    async with database.transaction() as tx:
        approved = ProviderApproved(
            provider_id=provider_id,
            kind=UtilityKind.WATER,
            name="Sample Water Company",
            uscc="91654002MA00000000",
            division_codes=["654002"],
            endpoint_url="http://127.0.0.1:1",
            jwks={"keys": [key.as_dict(private=False)]},
            customer_parameters=TEN_DIGITS,
        )
        await emit(tx, approved)
    await database.close()

    async def has_a_client() -> object:
        return await sql(platform, f"SELECT 1 FROM clients WHERE client_id = '{provider_id}'")  # noqa: S608 - a UUID of ours

    await until(has_a_client, seconds=60)


async def kill_and_wait(platform: LocalPlatform, name: str) -> None:
    """Kill a process behind the launcher's back, and wait until the launcher has another one ready."""
    killed = platform.pid_of(name)
    os.kill(killed, signal.SIGKILL)

    async def ready_again() -> bool:
        return platform.pid_of(name) != killed and platform.state_of(name) == "ready"

    await until(ready_again, seconds=60)


@dataclass(frozen=True)
class Run:
    """What was seen of one launcher. Three run on one data folder, since a start is what costs most here."""

    data: Path
    base_port: int
    launcher: subprocess.Popen[bytes]
    addresses: Addresses
    processes: list[psutil.Process]
    kept: object
    events: dict[UUID, str]

    @classmethod
    async def ready(cls, launcher: subprocess.Popen[bytes], data: Path, base_port: int) -> Self:
        """Wait until the launcher has everything ready and its events published, and look at what is there."""
        addresses = await until_ready(launcher, data)
        await sql(addresses, "CREATE TABLE IF NOT EXISTS kept (number integer)")
        kept, events = await sql(addresses, "SELECT number FROM kept"), await emitted(addresses)
        await until_published(addresses, events)
        return cls(data, base_port, launcher, addresses, everything_of(launcher), kept, events)


@pytest_asyncio.fixture(scope="module")
async def first_run() -> AsyncIterator[Run]:
    """A run of which everything was killed with -9."""
    with TemporaryDirectory(prefix="myili-") as folder:
        data, base_port = Path(folder), free_base_port()
        with launcher(data, base_port) as process:
            run = await Run.ready(process, data, base_port)
            await sql(run.addresses, "INSERT INTO kept VALUES (7)")
            for each in run.processes:
                with suppress(psutil.NoSuchProcess):  # the kernel kills some of them when their parent is
                    each.kill()
        await until_gone(run.processes)
        yield run


@pytest_asyncio.fixture(scope="module")
async def second_run(first_run: Run) -> Run:
    """The next run, whose launcher alone was killed."""
    with launcher(first_run.data, first_run.base_port) as process:
        run = await Run.ready(process, first_run.data, first_run.base_port)
        await until_published(run.addresses, first_run.events)
        process.kill()
    return run


@pytest_asyncio.fixture(scope="module")
async def third_run(second_run: Run) -> Run:
    """The run after that, which was ended by Ctrl-C."""
    await until_gone(second_run.processes)
    with launcher(second_run.data, second_run.base_port) as process:
        return await Run.ready(process, second_run.data, second_run.base_port)


@pytest_asyncio.fixture(scope="module")
async def platform() -> AsyncIterator[LocalPlatform]:
    with TemporaryDirectory(prefix="myili-") as folder:
        async with local_platform(Path(folder), durable=False) as platform:
            yield platform


async def test_after_kill_9_of_everything_the_next_run_finds_it_all(first_run: Run, second_run: Run) -> None:
    assert second_run.addresses == first_run.addresses
    assert second_run.kept == 7
    assert second_run.events.keys() >= first_run.events.keys()


async def test_what_a_killed_launcher_leaves_ends_with_it(second_run: Run) -> None:
    await until_gone(second_run.processes)


async def test_ctrl_c_stops_everything_that_was_started_and_frees_its_ports(third_run: Run) -> None:
    assert len(third_run.processes) > len(PORT_OFFSETS)
    assert third_run.launcher.returncode == 0
    await until_gone(third_run.processes)
    assert not any(port_is_taken(third_run.base_port + offset) for offset in ALL_PORT_OFFSETS)


async def test_ctrl_c_while_starting_leaves_nothing(data: Path) -> None:
    with launcher(data, free_base_port()) as process:

        async def database_is_starting() -> bool:
            with suppress(psutil.NoSuchProcess):  # a child may end while it is looked at
                return any(child.name() == "postgres" for child in psutil.Process(process.pid).children())
            return False

        await until(database_is_starting, seconds=60)
        running = everything_of(process)
    assert process.returncode == 0
    await until_gone(running)


@pytest.mark.parametrize("name", [name for name in PORT_OFFSETS if name not in {"postgres", "broker"}])
async def test_a_killed_process_comes_back(platform: LocalPlatform, name: str) -> None:
    await kill_and_wait(platform, name)


async def test_metrics_are_on_ports_that_answer_no_requests(platform: LocalPlatform) -> None:
    answering = {kept.program.name: kept.program for kept in platform.programs}
    async with httpx.AsyncClient() as client:
        for name in METRICS_PORT_OFFSETS:
            program = answering[name]
            assert (await client.get(f"{program.where}/metrics")).status_code == 404
            port = program.environment["MYILI_METRICS_PORT"]
            shown = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            assert 'myili_security_events_total{kind="forbidden"}' in shown


async def test_a_service_refuses_what_it_cannot_parse_with_a_problem(platform: LocalPlatform) -> None:
    for kept in platform.programs:
        if kept.program.name in PACKAGES:
            status, answer = await say(kept.program.where, b"\x16\x03\x01\r\n\r\n")
            assert (status, b"application/problem+json" in answer, b"nosniff" in answer) == (400, True, True)


async def test_a_killed_database_comes_back_with_its_rows(platform: LocalPlatform) -> None:
    await sql(platform, "CREATE TABLE survives AS SELECT 8 AS number")
    await platform.kill("postgres")
    await platform.start("postgres")
    assert await sql(platform, "SELECT number FROM survives") == 8


async def test_a_killed_broker_is_given_all_events_again(platform: LocalPlatform) -> None:
    events = await emitted(platform)
    await until_published(platform, events)
    await kill_and_wait(platform, "broker")
    await until_published(platform, events)


async def test_events_reach_other_services_before_and_after_a_broker_is_killed(platform: LocalPlatform) -> None:
    for _ in range(4):
        await approve_a_provider(platform)
    await kill_and_wait(platform, "broker")
    for _ in range(4):
        await approve_a_provider(platform)


async def test_servers_named_in_the_settings_are_used_and_left_running(
    data: Path, postgres_url: str, embedded_kafka: str
) -> None:
    given = {"database_admin_url": postgres_url, "kafka": embedded_kafka}
    async with local_platform(data, given=given) as platform:
        assert {kept.program.name for kept in platform.programs} == PORT_OFFSETS.keys() - {"postgres", "broker"}
        await until_published(platform, await emitted(platform))
    assert await sql(platform, "SELECT 1") == 1
