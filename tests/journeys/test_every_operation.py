"""No input of any caller at any operation is a 500, and every answer is as its contract says."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.platform import local_platform
from tests.journeys.every_operation.search import searched


@pytest.mark.timeout(900)
async def test_every_operation_answers_every_caller_as_its_contract_says() -> None:
    # Not below pytest's folder: PostgreSQL, which refuses to run as root, is another user there.
    with TemporaryDirectory(prefix="myili-search-") as data:
        async with local_platform(Path(data), durable=False) as platform:
            search = await asyncio.to_thread(searched, platform, Path(data), 1, print, derandomized=True)
    assert not search.faults, search.report()
    for caller in search.callers:
        assert search.succeeded[caller], f"nothing succeeded as {caller}"
