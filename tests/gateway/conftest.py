"""A stage for each test, and an HTTP client."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from chassis.testing import Tokens
from tests.gateway.processes import GatewayProcess, running_gateway
from tests.gateway.stage import Stage


@pytest.fixture
def stage(tmp_path: Path, tokens: Tokens) -> Stage:
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    return Stage(contracts, tokens.jwks_url)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


@pytest_asyncio.fixture
async def gateway_process(stage: Stage, tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    """A gateway in a process of its own, with one operation for each way a body can go."""
    stage.promise("payments", {"PUT /payments/v1/bill-files/{file_name}": {"x-max-body-bytes": 512 * 1024 * 1024}})
    async with running_gateway(tmp_path, stage.contracts, stage.jwks_url) as gateway:
        yield gateway
