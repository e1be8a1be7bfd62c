"""A program that the launcher runs: started so that it never outlives the launcher, awaited, stopped."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from deploy.local.errors import CannotStart

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10
READY_SECONDS = 60
POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1

# Loaded before any fork: between fork and exec it is too late to load a library safely.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _nothing_before() -> None:
    pass


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    where: str
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends when the launcher is killed and can stop nothing itself.
    orphan_signal: signal.Signals = signal.SIGKILL
    before_start: Callable[[], None] = _nothing_before

    def spawn_options(self) -> dict[str, Any]:
        return {
            "process_group": 0,  # so that Ctrl-C at the terminal reaches the launcher alone
            "env": {**os.environ, **self.environment},
            "stdin": subprocess.DEVNULL,
            "preexec_fn": self._die_with_launcher,
            **as_user(self.user),
        }

    def _die_with_launcher(self) -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(self.orphan_signal))


def as_user(user: str | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": primary_group(user), "extra_groups": []}


def primary_group(user: str) -> int:
    import pwd  # absent on Windows, where nobody is root and no user is changed

    return pwd.getpwnam(user).pw_gid


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def accepts_connections(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


@contextlib.contextmanager
def running(program: Program, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one program until the block ends; the block begins when it is ready."""
    program.before_start()
    with log.open("ab") as output:
        process = _spawn(program, output)
    try:
        _wait_until_ready(program, process, log)
        yield process
    finally:
        stop(process, program.stop_signal)


def _spawn(program: Program, output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(program.command, stdout=output, stderr=output, **program.spawn_options())  # noqa: S603 (our own command lines)


def _wait_until_ready(program: Program, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not program.ready():
        if process.poll() is not None:
            raise CannotStart(f"{program.name} ended with exit code {process.returncode}; its log is {log}.")
        if time.monotonic() > deadline:
            raise CannotStart(f"{program.name} was not ready within {READY_SECONDS} s; its log is {log}.")
        time.sleep(POLL_SECONDS)


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
