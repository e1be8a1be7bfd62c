from collections.abc import Iterator

import pytest

from tests.contracts.reference_provider.processes import Platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform
