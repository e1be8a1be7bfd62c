"""What all tests share: a real PostgreSQL and a real broker, each started once per test process."""

import asyncio
import contextlib
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import uvloop

from chassis.testing import Tokens
from deploy.local.broker import running_broker
from deploy.local.postgres import running_postgres
from tests.apache_kafka import Unavailable, running_apache_kafka
from tests.declared_answers import declared_answers, undeclared
from tests.order import spread
from tests.reuse import reuse
from tests.security_log import security_log

__all__ = ["declared_answers", "reuse", "security_log", "undeclared"]  # fixtures for every test

_MEMORY_BYTES = 4 * 1024**3

# Until all tests are collected: nearly everything that is made then stays, and looking for garbage in it takes a tenth.
gc.disable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let every worker begin with its share of the longest tests, so that none is left for one alone at the end."""
    here = f"{Path(__file__).parent.as_posix()}/"
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = spread(items, workers, lambda item: item.path.as_posix().removeprefix(here))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop of the services that run: a request costs a quarter less than on asyncio's own."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test process, without a database."""
    # Not below pytest's own folder: another pytest of the same user closes that to everybody, and PostgreSQL, which
    # refuses to run as root, is somebody else there.
    with (
        TemporaryDirectory(prefix="myili-postgres-", dir=_in_memory()) as folder,
        running_postgres(Path(folder), durable=False) as url,
    ):
        yield url


def _in_memory() -> str | None:
    """A folder in memory, where a cloned database costs a quarter of what it does on disk; None without the room."""
    folder = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made in it
    has_room = folder.is_dir() and shutil.disk_usage(folder).free > _MEMORY_BYTES
    return str(folder) if has_room else None


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[str]:
    """The bootstrap address of an embedded broker of this test process."""
    with running_broker() as address:
        yield address


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of an Apache Kafka of this test process; skips, plainly, where it cannot run."""
    with contextlib.ExitStack() as stack:
        try:
            address = stack.enter_context(running_apache_kafka(tmp_path_factory.mktemp("kafka")))
        except Unavailable as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the Apache Kafka run of this test needs more than this machine has: {missing}")
        yield address


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.apache_kafka)])
def kafka(request: pytest.FixtureRequest) -> str:
    """A broker: every test that asks for one runs on the embedded one and on Apache Kafka."""
    address: str = request.getfixturevalue("embedded_kafka" if request.param == "embedded" else "apache_kafka")
    return address


@pytest.fixture(scope="session")
def tokens() -> Iterator[Tokens]:
    """Signs access tokens that the services under test accept."""
    tokens = Tokens()
    yield tokens
    tokens.close()
