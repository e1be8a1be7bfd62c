"""A program forked from the warm process is as good as one that `python -m` started."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chassis.testing import until
from deploy.local.programs import Process, Program
from deploy.local.warm import WarmStarter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are forked on Linux alone")


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmStarter]:
    starter = WarmStarter(tmp_path_factory.mktemp("warm") / "warm.log")
    starter.wait_until_ready()
    yield starter
    starter.close()


def spawn(starter: WarmStarter, output: Path, *arguments: str, **settings: str) -> Process:
    command = [sys.executable, "-m", "tests.deploy.forked_program", *arguments]
    with output.open("ab") as file:
        return starter.spawn(Program("forked", command, where="", environment=settings), file)


async def until_it_stays(output: Path) -> None:
    async def spoke() -> bool:
        return size_of(output) > 0

    await until(spoke)


def size_of(output: Path) -> int:
    return output.stat().st_size


def test_it_gets_its_own_arguments_settings_and_output(starter: WarmStarter, tmp_path: Path) -> None:
    process = spawn(starter, tmp_path / "output", "0", "再来", MYILI_PORT="1")
    assert process.wait(10) == 0
    output = json.loads((tmp_path / "output").read_text())
    del output["frozen"]
    assert output == {"arguments": ["0", "再来"], "settings": {"MYILI_PORT": "1"}, "group": process.pid}


def test_what_was_imported_once_is_left_out_when_it_collects_garbage(starter: WarmStarter, tmp_path: Path) -> None:
    process = spawn(starter, tmp_path / "output", "0")
    assert process.wait(10) == 0
    assert json.loads((tmp_path / "output").read_text())["frozen"] > 10_000


def test_its_exit_code_is_reported(starter: WarmStarter, tmp_path: Path) -> None:
    assert spawn(starter, tmp_path / "output", "3").wait(10) == 3


def test_an_unhandled_error_is_in_its_log_and_its_exit_code(starter: WarmStarter, tmp_path: Path) -> None:
    assert spawn(starter, tmp_path / "output", "not a number").wait(10) == 1
    assert "ValueError" in (tmp_path / "output").read_text()


async def test_the_signal_that_ended_it_is_reported(starter: WarmStarter, tmp_path: Path) -> None:
    process = spawn(starter, tmp_path / "output", "stay")
    await until_it_stays(tmp_path / "output")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM


async def test_it_is_found_by_its_command_line(starter: WarmStarter, tmp_path: Path) -> None:
    process = spawn(starter, tmp_path / "output", "stay")
    await until_it_stays(tmp_path / "output")
    assert "tests.deploy.forked_program stay" in " ".join(psutil.Process(process.pid).cmdline())
    process.kill()
    assert process.wait(10) == -signal.SIGKILL


async def test_it_ends_when_the_process_that_forked_it_is_killed_and_another_takes_over(
    starter: WarmStarter, tmp_path: Path
) -> None:
    process = spawn(starter, tmp_path / "output", "stay")
    await until_it_stays(tmp_path / "output")
    os.kill(psutil.Process(process.pid).ppid(), signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert spawn(starter, tmp_path / "output", "0").wait(10) == 0
