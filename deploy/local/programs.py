"""A program that the launcher runs: started so that it never outlives the launcher, awaited, stopped."""

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

from deploy.local.errors import CannotStart
from deploy.local.settings import REPOSITORY

LOOPBACK = "127.0.0.1"
READY_SECONDS = 120
POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1
_PORTS = range(10_000, 32_000)
"""Below those of outgoing connections, which begin at 32768 on Linux and at 49152 elsewhere."""

# Loaded before any fork: loading a library between fork and exec is not safe.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _at_once() -> bool:
    return True


def _nothing() -> None:
    pass


class Process(Protocol):
    """The part of subprocess.Popen that forked processes implement too."""

    pid: int
    returncode: int | Any

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    where: str
    ready: Callable[[], bool] = _at_once
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10  # then it is killed
    # The kernel sends it when the launcher is killed and can stop nothing itself.
    orphan_signal: signal.Signals = signal.SIGKILL
    before_start: Callable[[], None] = _nothing

    @property
    def is_python(self) -> bool:
        return list(self.command[:2]) == [sys.executable, "-m"]

    def whole_environment(self) -> dict[str, str]:
        """A program gets the settings meant for it and no others."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYILI_")}
        return {**inherited, **self.environment}

    def spawn(self, output: IO[bytes], pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own command lines
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=REPOSITORY,
            env=self.whole_environment(),
            pass_fds=pass_fds,
            process_group=0,  # so that Ctrl-C at the terminal reaches only the launcher
            preexec_fn=partial(die_with_parent, self.orphan_signal),  # noqa: PLW1509 - one system call, which takes no lock that a thread may hold
            **as_user(self.user),
        )


def die_with_parent(with_signal: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends for any reason."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(with_signal))


class Starter(Protocol):
    """A way to start programs."""

    def wait_until_ready(self) -> None: ...
    def spawn(self, program: Program, output: IO[bytes]) -> Process: ...
    def close(self) -> None: ...


class ColdStarter:
    """Starts every program as a new process."""

    def wait_until_ready(self) -> None:
        return

    def spawn(self, program: Program, output: IO[bytes]) -> Process:
        return program.spawn(output)

    def close(self) -> None:
        return


def as_user(user: str | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": primary_group(user), "extra_groups": []}


def primary_group(user: str) -> int:
    import pwd  # absent on Windows, where the user is never changed

    return pwd.getpwnam(user).pw_gid


def free_port() -> int:
    """A port that nobody listens on, of those that the system gives to no outgoing connection before it is used."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def accepts_connections(port: int) -> bool:
    return answers(LOOPBACK, port)


def answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False


def port_is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an earlier run in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
        return False


@contextlib.contextmanager
def running(program: Program, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; the block starts when the program is ready."""
    program.before_start()
    with log.open("ab") as output:
        process = program.spawn(output)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not program.ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(why_not_ready(program, process, log))
            time.sleep(POLL_SECONDS)
        yield process
    finally:
        _stop(program, process)


def why_not_ready(program: Program, process: Process, log: Path) -> str:
    """One sentence, with the last line of the log, which usually names the cause."""
    if process.poll() is None:
        return f"{program.name} was not ready within {READY_SECONDS} s; its log is {log}."
    lines = log.read_text(errors="replace").strip().splitlines()
    last_words = f" saying: {lines[-1].strip()}" if lines else ""
    return f"{program.name} {how_it_ended(process)}{last_words} (log: {log})"


def how_it_ended(process: Process) -> str:
    if process.returncode < 0:
        return f"was ended by {signal.Signals(-process.returncode).name}"
    return f"ended with exit code {process.returncode}"


def _stop(program: Program, process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(program.stop_signal)
        try:
            process.wait(program.stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
