"""Apache Kafka for tests: one KRaft node from Maven Central, started on loopback and stopped by its process id."""

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from chassis.db import new_id
from deploy.local.programs import LOOPBACK, free_port

HERE = Path(__file__).parent
LIBRARIES = HERE.parents[1] / "build" / "apache-kafka"
_START_SECONDS = 60
_DOWNLOAD_SECONDS = 900


class Unavailable(Exception):  # noqa: N818 - says what is missing on this machine
    """Apache Kafka cannot run here; the message says why."""


@contextlib.contextmanager
def running_apache_kafka(folder: Path, port: int | None = None) -> Iterator[str]:
    """A broker of one's own for as long as the block lasts; gives its bootstrap address.

    Raises:
        Unavailable: Java 17, Maven or the download is missing.
    """
    port, controller_port = port or free_port(), free_port()
    with started(folder, _properties(port, controller_port, folder / "data"), port):
        yield f"{LOOPBACK}:{port}"


@contextlib.contextmanager
def started(
    folder: Path, settings: Mapping[str, str], port: int, *format_options: str, environment: Mapping[str, str] = {}
) -> Iterator[None]:
    """Format the storage and run a broker with these settings for as long as the block lasts."""
    classpath, properties = _classpath(), folder / "server.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    to_format = ["format", "-t", _cluster_id(), "-c", str(properties), *format_options]
    variables = {**os.environ, **environment}
    _java(classpath, "kafka.tools.StorageTool", *to_format, folder=folder, environment=variables)
    with (folder / "kafka.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            [_java_binary(), "-Xmx512m", "-cp", classpath, "kafka.Kafka", str(properties)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=variables,
        )
    try:
        _wait_for(port, process, folder)
        yield
    finally:
        process.kill()
        process.wait()


def _classpath() -> str:
    if not any(LIBRARIES.glob("kafka_*.jar")):
        _download()
    return f"{LIBRARIES}/*"


def _java_binary() -> str:
    java = shutil.which("java")
    if java is None:
        raise Unavailable("Java 17 or newer is not installed")
    return java


def _download() -> None:
    _java_binary()
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("Maven is not installed")
    # Into a folder of its own first: a cut download must not look complete to the next run.
    unfinished = LIBRARIES.with_name(f"{LIBRARIES.name}.{os.getpid()}")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={unfinished}"]
    try:
        subprocess.run(  # noqa: S603 - our own command line
            [maven, "-q", "-B", "-f", str(HERE / "pom.xml"), *goal],
            check=True,
            capture_output=True,
            timeout=_DOWNLOAD_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"Maven could not fetch Apache Kafka ({type(error).__name__})") from error
    with contextlib.suppress(OSError):  # another test process was quicker
        unfinished.rename(LIBRARIES)
    shutil.rmtree(unfinished, ignore_errors=True)


def _cluster_id() -> str:
    # Kafka wants 16 bytes in base64url; any will do for a cluster of one.
    return base64.urlsafe_b64encode(new_id().bytes).decode().rstrip("=")


def _properties(port: int, controller_port: int, data: Path) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
    }


def _java(classpath: str, *arguments: str, folder: Path, environment: Mapping[str, str]) -> None:
    command = [_java_binary(), "-cp", classpath, *arguments]
    done = subprocess.run(  # noqa: S603 - our own command line
        command, check=False, capture_output=True, text=True, cwd=folder, env=environment
    )
    if done.returncode != 0:
        raise Unavailable(f"Apache Kafka could not format its storage: {(done.stdout + done.stderr)[-500:]}")


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
            return
        time.sleep(0.1)
    raise Unavailable(f"Apache Kafka did not start: {(folder / 'kafka.log').read_text()[-500:]}")
