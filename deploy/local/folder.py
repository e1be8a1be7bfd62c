"""The data folder of an embedded run: who owns it, what runs in it, and files that only the owner may read."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from deploy.local.errors import CannotStart

LOG_BYTES_KEPT = 20_000_000
CLOCK_STEP_SECONDS = 2  # start times are told relative to the clock, which may have been set since
_RECORD = "processes.json"


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[Path]:
    """Hold a data folder against other launchers; the kernel gives it back even after kill -9."""
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


def is_owned(data: Path) -> bool:
    """Whether a launcher runs on this data folder."""
    try:
        with (data / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remember_processes(data: Path, pids: Mapping[str, int]) -> None:
    """Note what runs, so that the next launcher can stop it if this one cannot."""
    record = {name: [pid, started_at(pid)] for name, pid in pids.items()}
    write_private(data / _RECORD, json.dumps(record))


def stop_leftovers(data: Path) -> None:
    """Stop what a killed launcher left: the same pid and the same start, so surely the same process."""
    try:
        record = json.loads((data / _RECORD).read_text())
    except (OSError, ValueError):
        return
    left_over = []
    for pid, start in record.values():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if abs(process.create_time() - start) < CLOCK_STEP_SECONDS:
                process.kill()
                left_over.append(process)
    psutil.wait_procs(left_over, timeout=10)


def started_at(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def log_file(data: Path, name: str) -> Path:
    """The log of one program; a long one is set aside, replacing the one set aside before."""
    file = data / "logs" / f"{name}.log"
    if file.exists() and file.stat().st_size > LOG_BYTES_KEPT:
        file.replace(file.with_suffix(".log.old"))
    return file


def write_private(file: Path, content: str) -> None:
    """Replace a file as a whole, so that a kill in between leaves the old one or the new one."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(content)
        output.flush()
        os.fsync(output.fileno())
    unfinished.replace(file)
