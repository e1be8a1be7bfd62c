import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.apache_kafka import Unavailable
from tests.apache_kafka.secured import running_secured_kafka
from tests.deploy.kafka import Guarded


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder. Not tmp_path: PostgreSQL must be able to enter it, see `postgres_url`."""
    with TemporaryDirectory(prefix="myili-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Apache Kafka with SASL_SSL and the ACLs of the deploy job; skips, plainly, where it cannot run."""
    with contextlib.ExitStack() as stack:
        try:
            kafka = stack.enter_context(running_secured_kafka(tmp_path_factory.mktemp("secured-kafka")))
        except Unavailable as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the Apache Kafka run of this test needs more than this machine has: {missing}")
        guarded = Guarded(kafka)
        applied = guarded.apply()
        assert applied.returncode == 0, applied.stderr
        yield guarded
