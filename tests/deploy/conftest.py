from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder. Not tmp_path: PostgreSQL must be able to enter it, see `postgres_url`."""
    with TemporaryDirectory(prefix="myili-") as folder:
        yield Path(folder)
