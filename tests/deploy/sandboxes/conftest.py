"""The payment channel stand-in, and a merchant that listens."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.sandboxes.merchant import KEYS
from tests.deploy.sandboxes.processes import Listener, Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox("payment_channel", tmp_path, KEYS)


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Sandbox("payment_channel", tmp_path_factory.mktemp("channel"), KEYS).running() as client:
        yield client


@pytest.fixture
def number() -> str:
    return uuid.uuid4().hex


@pytest.fixture(autouse=True)
def no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "channel" in request.fixturenames:
        request.getfixturevalue("channel").post("/faults", json={})


@pytest.fixture
def merchant() -> Iterator[Listener]:
    with Listener(204).listening() as listener:
        yield listener
