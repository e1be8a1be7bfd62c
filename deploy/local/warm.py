"""Starts Python programs by forking a process that has already imported their libraries (Linux).

Importing FastAPI, SQLAlchemy and aiokafka is most of the start of each of thirteen processes. Here one process imports
them; each request forks a child, which then runs its module exactly as `python -m` would.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import setproctitle

from deploy.local.errors import CannotStart
from deploy.local.programs import ColdStarter, Process, Program, Starter, die_with_parent

# Only libraries and the chassis: nothing that opens a connection, starts a thread or draws a random number on import.
IMPORTED_ONCE = (
    "chassis.service",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "uvicorn.main",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
)
_WARM = b"warm"
_LARGEST_REQUEST = 128 * 1024
_POLL_SECONDS = 0.02


def best_starter(log: Path) -> Starter:
    """Forking is fast and safe on Linux; elsewhere system libraries may break after a fork."""
    return WarmStarter(log) if sys.platform == "linux" else ColdStarter()


class WarmStarter:
    """The launcher's side; the process that forks ends with the launcher."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._start()

    def wait_until_ready(self) -> None:
        if self._requests.recv(len(_WARM)) != _WARM:
            raise CannotStart(f"The libraries of the services cannot be imported; see {self._log}.")

    def spawn(self, program: Program, output: IO[bytes]) -> Process:
        if not program.is_python:
            return program.spawn(output)
        if self._server.poll() is not None:
            self.close()
            self._start()
            self.wait_until_ready()
        request = {"arguments": program.command[2:], "environment": program.whole_environment()}
        answers, answering = os.pipe()
        try:
            socket.send_fds(self._requests, [json.dumps(request).encode()], [answering, output.fileno()])
        finally:
            os.close(answering)
        return WarmProcess(answers)

    def close(self) -> None:
        self._requests.close()
        self._server.wait()

    def _start(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server = Program("warm", [sys.executable, "-m", "deploy.local.warm", str(theirs.fileno())], where="")
        with theirs, self._log.open("ab") as output:
            self._server = server.spawn(output, pass_fds=[theirs.fileno()])


class WarmProcess:
    """A forked program. It is not our child, so its parent reports its pid and, later, its exit code."""

    def __init__(self, answers: int) -> None:
        self._answers = os.fdopen(answers, "rb", buffering=0)
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None
        os.set_blocking(answers, False)

    def poll(self) -> int | None:
        if self.returncode is None:
            answer = self._answers.read()
            # None: nothing was sent. Empty: the sender was killed, and this program with it.
            if answer is not None:
                self.returncode = int(answer or -signal.SIGKILL)
                self._answers.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(_POLL_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _fork_on_request(requests: socket.socket) -> tuple[bytes, int]:
    """Serve requests until the launcher ends. Returns only in a forked child: its request and its output."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    answering: dict[int, int] = {}
    requests.send(_WARM)
    while True:
        readable, _, _ = select.select([requests.fileno(), woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            _report_exits(answering)
        if requests.fileno() in readable:
            request, descriptors, _, _ = socket.recv_fds(requests, _LARGEST_REQUEST, 2)
            if not request:
                raise SystemExit(0)
            answer, output = descriptors
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                requests.close()
                for descriptor in (woken, wake, answer, *answering.values()):
                    os.close(descriptor)
                return request, output
            os.close(output)
            os.write(answer, b"%d\n" % pid)
            answering[pid] = answer


def _report_exits(answering: dict[int, int]) -> None:
    while answering:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        answer = answering.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(answer, b"%d" % os.waitstatus_to_exitcode(status))
        os.close(answer)


def _run_module(request: bytes, output: int) -> None:
    os.setpgid(0, 0)
    die_with_parent(signal.SIGKILL)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.close(output)
    wanted = json.loads(request)
    sys.argv = wanted["arguments"]
    setproctitle.setproctitle(" ".join([sys.executable, "-m", *sys.argv]))  # for ps and pgrep
    os.environ.clear()
    os.environ.update(wanted["environment"])
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for module in IMPORTED_ONCE:
        importlib.import_module(module)
    # A child that collects garbage would write to each imported object, and so copy its page.
    gc.collect()
    gc.freeze()
    _run_module(*_fork_on_request(socket.socket(fileno=int(sys.argv[1]))))
