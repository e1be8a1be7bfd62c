"""The supervisor keeps its programs running, and never touches a process that is not its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from chassis.testing import until
from deploy.local.errors import CannotStart
from deploy.local.folder import identity, owned
from deploy.local.programs import LOOPBACK, ColdStarter, Program, accepts_connections, free_port
from deploy.local.supervisor import Supervisor

HTTP_SERVER = [sys.executable, "-m", "http.server", "--bind", LOOPBACK]


def http_server(name: str = "server") -> Program:
    port = free_port()
    return Program(name, [*HTTP_SERVER, str(port)], where=name, ready=partial(accepts_connections, port))


def script(code: str) -> Program:
    return Program("script", [sys.executable, "-c", code], where="", ready=lambda: False)


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest_asyncio.fixture
async def supervisor(tmp_path: Path, messages: list[str]) -> AsyncIterator[Supervisor]:
    (tmp_path / "logs").mkdir()
    supervisor = Supervisor(tmp_path, ColdStarter(), messages.append)
    yield supervisor
    await supervisor.stop_all()


@pytest.fixture
def somebody_else() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])  # noqa: S607 - any program will do
    yield process
    process.kill()
    process.wait()


async def test_a_crashed_program_is_restarted_and_reported(supervisor: Supervisor, messages: list[str]) -> None:
    await supervisor.start(http_server())
    first = supervisor.pid_of("server")
    os.kill(first, signal.SIGKILL)

    async def ready_again() -> bool:
        return messages[-1:] == ["server is ready again."]

    await until(ready_again, seconds=60)
    assert supervisor.pid_of("server") != first
    assert "SIGKILL" in messages[0]


async def test_a_program_that_was_stopped_stays_stopped_until_it_is_started(supervisor: Supervisor) -> None:
    program = http_server()
    await supervisor.start(program)
    await supervisor.stop("server")
    assert not program.ready()
    await supervisor.start_again("server")
    assert program.ready()


async def test_stopping_everything_stops_only_its_own(
    supervisor: Supervisor, somebody_else: subprocess.Popen[bytes]
) -> None:
    programs = [http_server("one"), http_server("two")]
    for program in programs:
        await supervisor.start(program)
    await supervisor.stop_all()
    assert not any(program.ready() for program in programs)
    assert somebody_else.poll() is None


async def test_a_program_that_will_not_stop_is_killed(supervisor: Supervisor) -> None:
    program = replace(http_server(), stop_seconds=0.2)
    await supervisor.start(program)
    os.kill(supervisor.pid_of("server"), signal.SIGSTOP)  # a stopped process does not act on SIGTERM
    await supervisor.stop("server")
    assert not program.ready()


async def test_a_program_that_cannot_start_is_told_about_with_its_last_words(supervisor: Supervisor) -> None:
    with pytest.raises(CannotStart, match=r"script ended with exit code 3 saying: no such moon"):
        await supervisor.start(script("import sys; print('no such moon'); sys.exit(3)"))


async def test_work_that_fails_is_told_about(supervisor: Supervisor) -> None:
    with pytest.raises(CannotStart, match="exit code 4"):
        await supervisor.run_to_end(script("raise SystemExit(4)"))


async def test_a_program_gets_only_its_own_settings(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYILI_FIELD_KEY", "not for everybody")
    await supervisor.run_to_end(script("import os; print([name for name in os.environ if name.startswith('MYILI_')])"))
    assert (tmp_path / "logs" / "script.log").read_text().strip() == "[]"


def test_what_a_killed_launcher_left_is_stopped_by_the_next(
    tmp_path: Path, somebody_else: subprocess.Popen[bytes]
) -> None:
    left_over = subprocess.Popen(["sleep", "60"])  # noqa: S607 - any program will do
    # The second one's number was given to another process since.
    record = {"one": identity(left_over.pid), "two": (somebody_else.pid, 1000.0)}
    (tmp_path / "processes.json").write_text(json.dumps(record))
    with owned(tmp_path):
        assert not psutil.pid_exists(left_over.pid)
        assert somebody_else.poll() is None
    left_over.wait()
