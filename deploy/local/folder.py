"""The data folder of an embedded run: its lock, the record of its processes, and files that only the owner may read."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from deploy.local.errors import CannotStart

LOG_BYTES_KEPT = 20_000_000
CLOCK_STEP_SECONDS = 2  # start times are relative to the clock, which may have been set since
_RECORD = "processes.json"


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[Path]:
    """Lock a data folder against other launchers; the kernel releases the lock even after kill -9."""
    data = folder.resolve()
    try:
        (data / "logs").mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("a")
    except OSError as error:
        raise CannotStart(
            f"The data folder {data} cannot be written ({error.strerror}); set MYILI_DATA to another folder."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"Another My Ili already runs on the data folder {data}; stop it, or set MYILI_DATA to another folder."
            ) from None
        stop_leftovers(data)
        yield data


def remember_processes(data: Path, pids: Mapping[str, int]) -> None:
    """Record the processes, so that the next launcher can stop them if this one cannot."""
    write_private(data / _RECORD, json.dumps({name: identity(pid) for name, pid in pids.items()}))


def stop_leftovers(data: Path) -> None:
    """Kill the processes that a killed launcher left, and no others."""
    try:
        record = json.loads((data / _RECORD).read_text())
    except (OSError, ValueError):
        return
    left_over = [process for process in map(alive, record.values()) if process]
    for process in left_over:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left_over, timeout=10)


def identity(pid: int) -> tuple[int, float]:
    """Distinguishes a process from a later one with the same pid."""
    try:
        return pid, float(psutil.Process(pid).create_time())
    except psutil.Error:
        return pid, 0.0


def alive(identity: tuple[int, float]) -> psutil.Process | None:
    """The process with this identity, if it still runs."""
    pid, started = identity
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < CLOCK_STEP_SECONDS
    except psutil.Error:
        return None
    return process if same else None


def log_file(data: Path, name: str) -> Path:
    """The log of one program; a large one is first rotated to `.log.old`."""
    file = data / "logs" / f"{name}.log"
    if file.exists() and file.stat().st_size > LOG_BYTES_KEPT:
        file.replace(file.with_suffix(".log.old"))
    return file


def write_private(file: Path, content: str) -> None:
    """Replace a file atomically, so that a kill leaves the old one or the new one."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(content)
        output.flush()
        os.fsync(output.fileno())
    unfinished.replace(file)
