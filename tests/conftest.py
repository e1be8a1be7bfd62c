"""What all tests share: a real PostgreSQL and a real broker, each started once per test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.testing import Tokens
from deploy.local.broker import running_broker
from deploy.local.postgres import running_postgres


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server of this test process, without a database."""
    folder: Path = tmp_path_factory.mktemp("postgres")
    with running_postgres(folder, durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[str]:
    """The bootstrap address of an embedded broker of this test process."""
    with running_broker() as address:
        yield address


@pytest.fixture(scope="session")
def tokens() -> Iterator[Tokens]:
    """Signs access tokens that the services under test accept."""
    tokens = Tokens()
    yield tokens
    tokens.close()
