"""A stage for each test, and an HTTP client."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from chassis.testing import Tokens
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
