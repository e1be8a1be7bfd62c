"""The embedded PostgreSQL keeps what was committed, whatever happens to its processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from chassis.testing import until
from deploy.local.postgres import running_postgres


@pytest.fixture
def somebody_else() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of ours."""
    process = subprocess.Popen(["sleep", "60"])  # noqa: S607 - any program will do
    yield process
    process.kill()
    process.wait()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{url}/postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(url: str, query: str) -> object:
    connection = await asyncpg.connect(f"{url}/postgres")
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def postmaster_pid(data: Path) -> int:
    return int((data / "cluster" / "postmaster.pid").read_text().splitlines()[0])


async def test_committed_rows_are_there_after_a_stop(data: Path) -> None:
    with running_postgres(data) as url:
        await execute(url, "CREATE TABLE kept AS SELECT 7 AS number")
    with running_postgres(data) as url:
        assert await fetch(url, "SELECT number FROM kept") == 7


async def test_committed_rows_are_there_after_kill_9(data: Path) -> None:
    with running_postgres(data) as url:
        await execute(url, "CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(postmaster_pid(data), signal.SIGKILL)
    assert (data / "cluster" / "postmaster.pid").exists()
    with running_postgres(data) as url:
        assert await fetch(url, "SELECT number FROM kept") == 7


async def test_a_database_that_does_not_wait_for_the_disk_survives_kill_9_too(data: Path) -> None:
    with running_postgres(data, durable=False) as url:
        await execute(url, "CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(postmaster_pid(data), signal.SIGKILL)
    with running_postgres(data, durable=False) as url:
        assert await fetch(url, "SELECT number FROM kept") == 7


async def test_a_left_over_pid_that_is_now_somebody_elses_is_left_alone(
    data: Path, somebody_else: subprocess.Popen[bytes]
) -> None:
    with running_postgres(data):
        os.kill(postmaster_pid(data), signal.SIGKILL)
    pid_file = data / "cluster" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(somebody_else.pid), *lines[1:]]) + "\n")
    with running_postgres(data) as url:
        assert await fetch(url, "SELECT 1") == 1
    assert somebody_else.poll() is None


async def test_an_interrupted_making_of_the_cluster_is_begun_anew(data: Path) -> None:
    half_made = data / "cluster.unfinished"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with running_postgres(data) as url:
        assert await fetch(url, "SELECT 1") == 1


async def test_a_wrong_password_is_refused(data: Path) -> None:
    with running_postgres(data) as url, pytest.raises(asyncpg.InvalidPasswordError):
        await fetch(url.replace("postgres:", "postgres:not-"), "SELECT 1")


async def test_nothing_of_a_statement_that_fails_reaches_the_log(data: Path) -> None:
    with running_postgres(data) as url:
        await execute(url, "CREATE TABLE people (phone text PRIMARY KEY); INSERT INTO people VALUES ('13800000001')")
        with pytest.raises(asyncpg.UniqueViolationError):
            await execute(url, "INSERT INTO people VALUES ('13800000001')")
    log = (data / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "13800000001" not in log


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
async def test_the_server_ends_when_the_process_that_started_it_is_killed(data: Path) -> None:
    starting = (
        "import os, signal; from pathlib import Path; from deploy.local.postgres import running_postgres\n"
        f"with running_postgres(Path({str(data)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    launcher = await asyncio.create_subprocess_exec(sys.executable, "-c", starting)
    assert await launcher.wait() == -signal.SIGKILL

    async def server_has_gone() -> bool:
        return not (data / "cluster" / "postmaster.pid").exists()

    await until(server_has_gone)
